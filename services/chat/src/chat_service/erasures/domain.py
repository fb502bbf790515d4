"""What remains where a person was. No I/O."""

DELETED_NAME = "deleted-account"
"""Nobody can have this username: it has a hyphen."""
ERASED = "erased"
"""Why the system deleted a message."""
