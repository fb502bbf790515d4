"""What can be wrong with an upload."""

from servicekit.errors import Conflict, NotFound


class UploadNotFound(NotFound):
    """There is no such upload, or it is somebody else's."""

    detail = "There is no such upload."


class UploadOver(Conflict):
    """The upload is complete."""

    detail = "The upload is complete: nothing of it is left to send."
