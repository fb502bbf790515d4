"""What can be wrong with a file."""

from messenger_contracts.problem import ErrorCode
from servicekit.errors import Conflict, NotFound, ServiceError


class MediaNotFound(NotFound):
    """There is no such file, or the caller may not see it."""

    detail = "There is no such file."


class NotReady(Conflict):
    """The file cannot be used yet, or was rejected."""

    detail = "The file is not ready."


class UploadIncomplete(ServiceError):
    """Bytes are missing."""

    code = ErrorCode.UPLOAD_INCOMPLETE
    detail = "Not all of the file has been uploaded."


class UnsupportedMedia(ServiceError):
    """Files of this type are not taken, or not for this purpose."""

    code = ErrorCode.UNSUPPORTED_MEDIA
    detail = "Files of this type are not taken for this purpose."


class TooLarge(ServiceError):
    """The file is larger than any may be."""

    code = ErrorCode.PAYLOAD_TOO_LARGE
    detail = "The file is too large."


class QuotaExceeded(ServiceError):
    """The caller's files would come to more than they may."""

    code = ErrorCode.PAYLOAD_TOO_LARGE
    detail = "There is not enough space left for this file: delete others first."
