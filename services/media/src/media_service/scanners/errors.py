"""What can go wrong with a scanner."""


class ScannerUnavailable(Exception):
    """There is a scanner, but it gave no verdict: no file passes until it does."""
