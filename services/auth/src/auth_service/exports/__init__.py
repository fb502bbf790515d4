"""Exports: a copy of everything that is kept of a person, by us and by every service, as one archive."""
