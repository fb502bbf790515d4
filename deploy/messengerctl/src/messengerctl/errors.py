"""What a command tells a person instead of doing its work."""


class CommandError(Exception):
    """A failure with a message fit for the terminal."""
