"""The messages of a conversation that everybody should find."""
