"""Files that arrive after the messages that carry them, go out of sight, and come back."""
