"""A file as everybody sees it: what media answers, and what messages, posts and albums carry."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from messenger_contracts.shapes import Shape, Timestamp

MediaStatus = Literal["pending", "processing", "ready", "rejected"]
MediaKind = Literal["image", "video", "audio", "file"]
MOST_MEDIA = 100
"""How many files one question may be about."""
MOST_QUESTIONS = 50
"""How many questions one request may hold."""


class RejectReason(StrEnum):
    """Why a file was refused. Programs may branch on it; more may come."""

    TYPE_MISMATCH = "type_mismatch"
    """It is not what it was said to be."""
    TYPE_REFUSED = "type_refused"
    """It is of a type that is not taken, or not for this purpose."""
    SIZE_MISMATCH = "size_mismatch"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    DAMAGED = "damaged"
    """It breaks off, or cannot be decoded."""
    TOO_LARGE = "too_large"
    """More pixels, frames or seconds than are taken, or far more than its bytes promise."""
    HOSTILE = "hostile"
    """It is two things at once, or has active content in it."""
    INFECTED = "infected"
    FAILED = "failed"
    """It could not be processed, however often it was tried."""


class Variant(Shape):
    """One form of a file. The URL lives for minutes; what has no picture has neither width nor height."""

    url: str
    width: int | None
    height: int | None


class Media(Shape):
    """A file. Until media has looked at it, its id and `pending` are all that is known.

    `hidden`: its id is all that is told, because it was deleted, or a block keeps the reader from it; show it no more.
    `unknown`: media cannot say now; go on showing what was known of it.
    """

    id: str
    status: MediaStatus | Literal["hidden", "unknown"] = "pending"
    kind: str | None = Field(None, description="image, video, audio or file")
    content_type: str | None = None
    size: int | None = Field(None, description="Bytes of what was uploaded")
    width: int | None = None
    height: int | None = None
    duration: float | None = Field(None, description="Seconds")
    blurhash: str | None = None
    variants: dict[str, Variant] = Field(
        {}, description="By name: `thumb`, `small`, `large`, `original`, and crops by the name that they were given"
    )
    tags: list[str] = Field([], description="The owner's own; empty for others")
    caption: str | None = Field(
        None, description="The owner's words, for all who see the file, and instead of it for those who cannot"
    )
    taken_at: Timestamp | None = Field(
        None, description="When a picture or film was taken, if it says so; the owner's own"
    )
    created_at: Timestamp | None = None
    filename: str | None = None
    color: str | None = Field(None, description="The dominant colour: `#rrggbb`")
    waveform: list[int] | None = Field(None, description="Loudness over time, 0 to 100")
    scan: Literal["clean", "unscanned"] | None = Field(None, description="What the virus scanner said, if there is one")
    preview: bool | None = Field(
        None,
        description="Of films and sounds: false where nothing could look into it. It has no picture, length or "
        "waveform then, and others cannot fetch it",
    )
    reason: RejectReason | None = Field(None, description="Why it was rejected")


class MediaQuestion(Shape):
    """What a service asks on behalf of a person: by `/internal/media/read`, and `/internal/media/attach`."""

    user_id: str
    media_ids: list[str] = Field(max_length=MOST_MEDIA)


class MediaAnswer(Shape):
    """What the person may see; what is missing does not exist or is hidden from them."""

    items: list[Media]


class AttachAnswer(Shape):
    """Whether a person may attach files: those are their own, not deleted and not rejected."""

    refused: list[str] = Field(description="Those that may not be attached")
    items: list[Media] = Field([], description="The others, as those see them to whom they are shown")


class AttachQuestions(Shape):
    """What many people want to attach: `/internal/media/attachments`."""

    questions: list[MediaQuestion] = Field(max_length=MOST_QUESTIONS)


class AttachAnswers(Shape):
    """One answer a question, in the order of the questions."""

    answers: list[AttachAnswer]


class ShownQuestion(Shape):
    """Files that hang on what a reader may read. The service that asks answers for that; blocks are media's to know."""

    reader: str | None = Field(description="Null: whoever may read it")
    sent: dict[str, str] = Field(
        max_length=MOST_MEDIA, description="By file, who sent it: nobody shows what is others'"
    )


class ShownQuestions(Shape):
    """What many readers are shown: `/internal/media/shown`."""

    questions: list[ShownQuestion] = Field(max_length=MOST_QUESTIONS)


class ShownAnswers(Shape):
    """One answer a question, in the order of the questions."""

    answers: list[MediaAnswer]


def hidden(media_id: str) -> Media:
    """A file that its reader is not shown."""
    return Media(id=media_id, status="hidden")


def unknown(media_id: str) -> Media:
    """A file of which nothing can be said now."""
    return Media(id=media_id, status="unknown")


AlbumRole = Literal["owner", "contributor", "viewer"]


class Album(Shape):
    """Files that their owner shows to some people together."""

    id: str
    owner_id: str
    title: str
    role: AlbumRole = Field(description="The reader's")
    shared: dict[str, AlbumRole] = Field({}, description="With whom, and as what; told to the owner alone")
    items: int
    created_at: Timestamp
