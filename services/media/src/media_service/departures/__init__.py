"""Departures: who was erased, so that nothing which was under way is kept in that person's name."""
