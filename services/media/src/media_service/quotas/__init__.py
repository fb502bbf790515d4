"""How much each person's files come to. Reserved when an upload begins, settled when the file is verified."""
