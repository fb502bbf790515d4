"""Codes by which people join a group by themselves."""
