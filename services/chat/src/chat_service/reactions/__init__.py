"""What people think of a message, in one emoji each."""
