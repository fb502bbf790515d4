"""Rules of files on messages, without I/O: what may be sent, what is still on its way, and what is to be described."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from chat_service.conversations.errors import invalid
from chat_service.files.errors import FilesUnavailable
from messenger_contracts.conversations import LogEvent, Message, Skip
from messenger_contracts.media import AttachAnswer, Media, ShownQuestion, unknown

ASKED_TOGETHER = 20
"""Files that one question is about. A request of the most questions is then about no more than a thousand."""
ON_THE_WAY = frozenset({"pending", "processing"})

Shown = Message | LogEvent | Skip
"""What carries files to a reader."""
Sender = str


@dataclass(frozen=True, slots=True)
class Attached:
    """What media says of the files of a message that is to be sent; `answer` is None where it cannot say."""

    media_ids: Sequence[str]
    answer: AttachAnswer | None

    def require(self, pointer: str = "/media_ids/{place}") -> None:
        """Refuse files that the sender may not send: raises `ValidationFailed`, or `FilesUnavailable`.

        `pointer` says where in the request the file at a place stands.
        """
        if self.answer is None:
            raise FilesUnavailable
        for place, media_id in enumerate(self.media_ids):
            if media_id in self.answer.refused:
                raise invalid(pointer.format(place=place), "is no file that you may send")

    @property
    def media(self) -> list[Media]:
        """The files as the others see them."""
        known = {each.id: each for each in self.answer.items} if self.answer else {}
        return [known.get(each) or unknown(each) for each in self.media_ids]

    @property
    def on_the_way(self) -> list[str]:
        """Those that were neither ready nor rejected."""
        return list(dict.fromkeys(each.id for each in self.media if each.status in ON_THE_WAY))


def require_attached(attached: Attached | None, pointer: str = "/media_ids/{place}") -> None:
    """Refuse files of which media was not asked, or that it does not let the sender send."""
    if attached is None:
        raise FilesUnavailable
    attached.require(pointer)


class Slot(NamedTuple):
    """A message's list of files, to be filled: shapes in a message, JSON in an event."""

    sender: Sender
    files: list[Any]
    is_json: bool


def slots(shown: Iterable[Shown | None]) -> Iterator[Slot]:
    """The lists of files that are not empty."""
    for each in shown:
        if isinstance(each, Message):
            if each.media:
                yield Slot(each.by, each.media, is_json=False)
        elif isinstance(each, LogEvent) and (files := each.data.get("media")):
            yield Slot(each.data["by"], files, is_json=True)


def questions(reader: str | None, files: Mapping[str, Sender]) -> list[ShownQuestion]:
    """What to ask about files, by their ids."""
    sent = list(files.items())
    return [
        ShownQuestion(reader=reader, sent=dict(sent[start : start + ASKED_TOGETHER]))
        for start in range(0, len(sent), ASKED_TOGETHER)
    ]


def wanted(places: Iterable[Slot]) -> dict[str, Sender]:
    """The files in slots, and who sent each."""
    return {media_id: sender for sender, files, _ in places for media_id in _ids(files)}


def fill(places: Iterable[Slot], known: Mapping[str, Media]) -> None:
    """Put what is known of files into their slots; the others are `unknown` there."""
    for slot in places:
        described = [known.get(each) or unknown(each) for each in _ids(slot.files)]
        slot.files[:] = [each.model_dump(mode="json") for each in described] if slot.is_json else described


def _ids(files: Collection[Any]) -> list[str]:
    return [each["id"] if isinstance(each, dict) else each.id for each in files]
