"""Messages that were brought before the moderators, and what became of them."""
