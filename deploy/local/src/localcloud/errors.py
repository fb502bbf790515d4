"""What goes wrong here is told to a person in one clear line; a log's end may follow it."""

from pathlib import Path


class LocalCloudError(Exception):
    """A failure with a message fit for the terminal, and the log that tells more."""

    def __init__(self, message: str, *, log: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.log = log
