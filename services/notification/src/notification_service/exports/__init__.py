"""Exports: what notification keeps of a person, for the copy that auth makes of everything."""
