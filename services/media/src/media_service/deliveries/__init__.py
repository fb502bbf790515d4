"""What a reader gets of a file: its description, with URLs that are signed and live for minutes."""
