"""What is raised about a file that nobody but its owner may ever see."""

from messenger_contracts.media import RejectReason


class Refused(Exception):
    """A file is not taken. The reason is for the owner's program, the detail for our log."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")
