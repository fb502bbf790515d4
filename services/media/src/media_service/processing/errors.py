"""What ends a try to process a file, to be made again."""


class NothingUploaded(Exception):
    """The file's object is not there, or not any more."""
