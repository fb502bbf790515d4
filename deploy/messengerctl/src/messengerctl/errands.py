"""The command `upload`: one file after the other, then what they were uploaded for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from rich.markup import escape

from messenger_contracts.media import Media
from messengerctl import console
from messengerctl.client import Client, Unreachable, Uploads
from messengerctl.errors import CommandError
from messengerctl.people import People, Person
from messengerctl.uploads import MOST_IN_A_MESSAGE, Draft, Drafts, LocalFile, Sender, cancel, caption, share


@dataclass(frozen=True)
class Errand:
    """What somebody wants uploaded, and for what."""

    files: Sequence[Path]
    to: str
    caption: str
    content_type: str
    patience: float

    def __post_init__(self) -> None:
        """Say at once what will not do."""
        if self.to and len(self.files) > MOST_IN_A_MESSAGE:
            raise CommandError(f"a message holds {MOST_IN_A_MESSAGE} files at most, not {len(self.files)}")


async def upload_all(people: People, person: Person, errand: Errand) -> bool:
    """Upload files, tell of each, and send or caption them; returns whether all are ready.

    A message is sent when all of its files are ready: else it would not say what was meant.
    """
    peer = people.find(errand.to) if errand.to else None
    if errand.to and peer is None and not _is_id(errand.to):
        raise CommandError(f"{errand.to} neither signed up from here nor is it the id of a conversation")
    async with _uploading(people, person) as (client, uploads):
        drafts = Drafts(people.uploads(person))
        sender = Sender(uploads, drafts, "message" if errand.to else "library", errand.content_type)
        files = [await _upload(sender, path, errand.patience) for path in errand.files]
        rejected = sum(media.status == "rejected" for _, media in files)
        if errand.to and rejected:
            raise CommandError(f"nothing was sent, because {rejected} of {len(files)} was rejected")
        if errand.to:
            message_id = await share(client, errand.to, peer.user_id if peer else None, errand.caption, files)
            console.say(f"sent as message {message_id}")
        elif errand.caption:
            for _, media in files:
                if media.status == "ready":
                    await caption(client, errand.caption, media)
        for draft, _ in files:
            drafts.forget(draft)
    return not rejected


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def cancel_all(people: People, person: Person, files: Sequence[Path]) -> None:
    """Throw away what has arrived of files that were not finished, and tell of each."""
    drafts = Drafts(people.uploads(person))
    async with _uploading(people, person) as (_, uploads):
        for path in files:
            with LocalFile(path) as file:
                cancelled = await cancel(uploads, drafts, file)
            told = f"cancelled {', '.join(cancelled)}" if cancelled else "was not under way"
            console.say(f"{escape(file.name)}  {told}")


@asynccontextmanager
async def _uploading(people: People, person: Person) -> AsyncIterator[tuple[Client, Uploads]]:
    async with people.client(person) as client, Uploads(client) as uploads:
        yield client, uploads


async def _upload(sender: Sender, path: Path, patience: float) -> tuple[Draft, Media]:
    with LocalFile(path) as file, console.transfer_bar(file.name, file.size) as progress:
        draft = await sender.begin(file)
        try:
            draft, media_id = await sender.send(draft, file, progress)
            media = await asyncio.wait_for(sender.end(draft, media_id), patience)
        except TimeoutError:
            late = f"{file.name} has arrived, and was not looked at within {patience:.0f} s: the same command waits on"
            raise CommandError(late) from None
        except Unreachable as error:
            raise CommandError(f"{error}: the same command goes on where it stopped") from error
    console.show_media(file.name, media)
    return draft, media
