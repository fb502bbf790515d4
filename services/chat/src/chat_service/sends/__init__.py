"""Appending messages: many people's in one transaction."""
