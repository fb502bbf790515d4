"""What can be wrong with what an owner wants of a file."""

from servicekit.errors import Conflict


class TooManyCrops(Conflict):
    """A picture has as many crops as it may have."""

    detail = "This picture has as many crops as it may have."
