"""Everything that a person missed, in one answer."""
