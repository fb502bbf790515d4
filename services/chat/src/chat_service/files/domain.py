"""Rules of files on messages, without I/O: what may be sent, what is still on its way, and what is to be described."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

    def require(self) -> None:
        """Refuse files that the sender may not send: raises `ValidationFailed`, or `FilesUnavailable`."""
        if self.answer is None:
            raise FilesUnavailable
        for place, media_id in enumerate(self.media_ids):
            if media_id in self.answer.refused:
                raise invalid(f"/media_ids/{place}", "is no file that you may send")

    @property
    def media(self) -> list[Media]:
        """The files as the others see them."""
        known = {each.id: each for each in self.answer.items} if self.answer else {}
        return [known.get(each) or unknown(each) for each in self.media_ids]

    @property
    def on_the_way(self) -> list[str]:
        """Those that were neither ready nor rejected."""
        return list(dict.fromkeys(each.id for each in self.media if each.status in ON_THE_WAY))


def require_attached(attached: Attached | None) -> None:
    """Refuse files of which media was not asked, or that it does not let the sender send."""
    if attached is None:
        raise FilesUnavailable
    attached.require()


def slots(shown: Iterable[Shown | None]) -> Iterator[tuple[Sender, list[Any], bool]]:
    """The lists of files that are not empty, with who sent them, and whether they are JSON."""
    for each in shown:
        if isinstance(each, Message):
            if each.media:
                yield each.by, each.media, False
        elif isinstance(each, LogEvent) and (files := each.data.get("media")):
            yield each.data["by"], files, True


def questions(reader: str | None, files: Mapping[str, Sender]) -> list[ShownQuestion]:
    """What to ask about files, by their ids."""
    sent = list(files.items())
    return [
        ShownQuestion(reader=reader, sent=dict(sent[start : start + ASKED_TOGETHER]))
        for start in range(0, len(sent), ASKED_TOGETHER)
    ]


def wanted(places: Iterable[tuple[Sender, list[Any], bool]]) -> dict[str, Sender]:
    """The files in slots, and who sent each."""
    return {media_id: sender for sender, files, _ in places for media_id in _ids(files)}


def fill(places: Iterable[tuple[Sender, list[Any], bool]], known: Mapping[str, Media]) -> None:
    """Put what is known of files into their slots; of the others stands there that it is not."""
    for _, files, is_json in places:
        described = [known.get(each) or unknown(each) for each in _ids(files)]
        files[:] = [each.model_dump(mode="json") for each in described] if is_json else described


def _ids(files: Collection[Any]) -> list[str]:
    return [each["id"] if isinstance(each, dict) else each.id for each in files]
