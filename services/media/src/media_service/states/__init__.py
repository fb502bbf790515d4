"""The only ways in which a file's state changes: pending, processing, ready or rejected."""
