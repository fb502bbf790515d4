"""Places, and what one must know to say who may see a file. Without I/O.

A place is where files hang: a conversation, an album, a person's posts. A file's record counts how often it hangs in
each; `grants` says who may look into a place. A block is a place too, with the blocked person in it.
"""

from collections.abc import Collection, Iterator

from media_service.files.models import SHOWN_TO_ALL, File

EVERYBODY = "public"
"""The place that every signed-in person may look into."""
CLOSED = "#closed"
"""In place of a person: nobody may look into the place any more."""

Grant = tuple[str, str]
"""A place, and a person who may look into it."""


def conversation(conversation_id: str) -> str:
    """What is sent there hangs here; its members may look."""
    return f"conversation:{conversation_id}"


def album(album_id: str) -> str:
    """The items of an album; those with whom it is shared may look."""
    return f"album:{album_id}"


def album_of(place: str) -> str | None:
    """The album that a place is; None for any other place."""
    kind, _, album_id = place.partition(":")
    return album_id if kind == "album" else None


def blocks(user_id: str) -> str:
    """Those whom a person blocks."""
    return f"blocks:{user_id}"


def questions(file: File, reader: str) -> Iterator[Grant]:
    """What must be known to say whether a reader may see a file; nothing for its owner."""
    if file.owner_id == reader:
        return
    yield from apart(file.owner_id, reader)
    for place in _places(file):
        yield place, reader
        yield place, CLOSED


def may_see(file: File, reader: str, known: Collection[Grant]) -> bool:
    """Whether a reader may see a file, given those of its `questions` that are so.

    A deleted file is hidden from its owner too, who may restore it. Blocks end what others grant, whoever blocks whom.
    """
    if file.deleted_at:
        return False
    if file.owner_id == reader:
        return True
    if any(each in known for each in apart(file.owner_id, reader)):
        return False
    if file.purpose in SHOWN_TO_ALL or file.places.get(EVERYBODY, 0) > 0:
        return True
    return any((place, reader) in known and (place, CLOSED) not in known for place in _places(file))


def apart(owner_id: str, reader: str) -> Iterator[Grant]:
    """The blocks between a reader and the owner of a file or an album."""
    yield blocks(owner_id), reader
    yield blocks(reader), owner_id


def may_be_shown(file: File, sender: str, reader: str | None, known: Collection[Grant]) -> bool:
    """Whether what `sender` sent is shown to a reader who may read the message, given the blocks that are so.

    None: to whoever may read it; whom a block keeps apart is then for those to sort out who pass it on.
    """
    if file.deleted_at or file.owner_id != sender:
        return False
    return reader is None or not any(each in known for each in apart(file.owner_id, reader))


def _places(file: File) -> list[str]:
    return [place for place, count in file.places.items() if count > 0]


def may_attach(file: File, user_id: str) -> bool:
    """Whether a person may attach a file to what they write: their own, even while it is still on its way."""
    return file.owner_id == user_id and file.deleted_at is None and file.status != "rejected"
