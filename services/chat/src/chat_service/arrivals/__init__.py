"""Files that arrive after the messages that carry them."""
