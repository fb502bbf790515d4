"""The inbox: one row for each person and happening, read or not."""
