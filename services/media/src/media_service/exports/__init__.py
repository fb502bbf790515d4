"""Exports: what media keeps of a person, for the copy that auth makes of everything; the files themselves too."""
