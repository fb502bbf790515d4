"""Files of this machine on their way to media, and what is kept so that the way can be gone on after any break.

What is kept of an upload is little: as what it was announced, and under which key. It is kept before anything is asked,
and thrown away when the file was rejected, or is where it was to go; the rest media knows. Who repeats the command with
the same bytes goes on, and sends no message twice.
"""

import asyncio
import hashlib
import mimetypes
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4, uuid5

from pydantic import ValidationError

from messenger_contracts.media import Media, RejectReason
from messenger_contracts.problem import ErrorCode
from messenger_contracts.shapes import Shape
from messengerctl.client import Client, Refused, Uploads
from messengerctl.client.uploads import ROUNDS, Progress, Wish
from messengerctl.errors import CommandError

MOST_IN_A_MESSAGE = 20
OCTETS = "application/octet-stream"
_HASHED_BYTES = 4 * 1024 * 1024
_UNSAID = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What file systems take in a name, and media does not; bytes that are no text come as surrogates (PEP 383)."""
REMEDIES = {
    RejectReason.TYPE_MISMATCH: "it is not what its name or --type says",
    RejectReason.TYPE_REFUSED: "files of this type are not taken",
    RejectReason.SIZE_MISMATCH: "it was changed while it was sent: upload it again",
    RejectReason.CHECKSUM_MISMATCH: "it was changed while it was sent: upload it again",
    RejectReason.DAMAGED: "it breaks off or cannot be decoded: save it anew with what made it",
    RejectReason.TOO_LARGE: "it has too many pixels, frames or seconds: make it smaller",
    RejectReason.HOSTILE: "it is two things at once, or has a program in it",
    RejectReason.INFECTED: "the virus scanner found something in it",
    RejectReason.FAILED: "it could not be processed: upload it again later",
}
"""What a rejected file is about, and what to do."""


class LocalFile:
    """A file of this machine, open as long as the context lasts. It is read piece by piece, off the event loop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = _UNSAID.sub("_", path.name)
        """As what it is announced and shown."""

    def __enter__(self) -> "LocalFile":
        """Open it; raises `CommandError` for one that cannot be uploaded."""
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            raise CommandError(f"{self.path} cannot be read: {error.strerror}") from error
        self.size = os.fstat(self._file.fileno()).st_size
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._file.close()

    async def read(self, start: int, length: int) -> bytes:
        """Exactly so many bytes from there on; raises `CommandError` when the file has become shorter."""
        content = await asyncio.to_thread(os.pread, self._file.fileno(), length, start)
        if len(content) != length:
            raise CommandError(f"{self.path} became shorter while it was sent: upload it again")
        return content

    async def sha256(self) -> str:
        """The digest of all of it, in hex."""
        digest = hashlib.sha256()
        for at in range(0, self.size, _HASHED_BYTES):
            digest.update(await self.read(at, min(_HASHED_BYTES, self.size - at)))
        return digest.hexdigest()


class Draft(Shape):
    """An upload that may have begun: as what it was announced, and the `Idempotency-Key` of that."""

    key: str
    wish: Wish


class Drafts:
    """A folder of one person's uploads that have not ended, a file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, wish: Wish) -> Draft:
        """The draft of an upload of these bytes for this purpose: the one that is there, or a new one."""
        found = self._read(self._path(wish))
        if found and found.wish.content_type == wish.content_type:
            return found
        draft = Draft(key=str(uuid4()), wish=wish)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        written = self._path(wish).with_suffix(f".{os.getpid()}")
        written.write_text(draft.model_dump_json(indent=2))
        written.replace(self._path(wish))
        return draft

    def of_content(self, sha256: str) -> list[Draft]:
        """All drafts of these bytes, whatever they are for."""
        drafts = [self._read(path) for path in sorted(self._folder.glob(f"{sha256}-*.json"))]
        return [draft for draft in drafts if draft]

    def forget(self, draft: Draft) -> None:
        """Throw a draft away: its upload has ended."""
        self._path(draft.wish).unlink(missing_ok=True)

    def _path(self, wish: Wish) -> Path:
        return self._folder / f"{wish.sha256}-{wish.purpose}.json"

    @staticmethod
    def _read(path: Path) -> Draft | None:
        try:
            return Draft.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None


@dataclass(frozen=True)
class Sender:
    """Uploads files of one person; `declared` is their type, if it is not to be told by their names."""

    uploads: Uploads
    drafts: Drafts
    purpose: str
    declared: str = ""

    async def begin(self, file: LocalFile) -> Draft:
        """The draft of a file's upload, the one that is there or a new one."""
        return self.drafts.begin(await self._wish(file))

    async def send(self, draft: Draft, file: LocalFile, progress: Progress) -> tuple[Draft, str]:
        """Send what has not arrived; returns the draft that holds now, and the file's id."""
        try:
            return draft, await self._send(draft, file, progress)
        except Refused as error:
            if error.code not in (ErrorCode.NOT_FOUND, ErrorCode.IDEMPOTENCY_MISMATCH):
                raise
        self.drafts.forget(draft)  # that upload is gone: cancelled elsewhere, or a day old
        anew = self.drafts.begin(draft.wish)
        return anew, await self._send(anew, file, progress)

    async def end(self, draft: Draft, media_id: str) -> Media:
        """Wait until the file is ready, or is rejected, which throws the draft away."""
        media = await self.uploads.ended(media_id)
        if media.status == "rejected":
            self.drafts.forget(draft)
        return media

    async def _send(self, draft: Draft, file: LocalFile, progress: Progress) -> str:
        announced = await self.uploads.announce(draft.wish, draft.key)
        if not announced.exists:
            await self.uploads.send(announced.media_id, file, progress)
        progress(file.size)
        return announced.media_id

    async def _wish(self, file: LocalFile) -> Wish:
        if not file.size:
            raise CommandError(f"{file.path} is empty: there is nothing to upload")
        guessed, packed = mimetypes.guess_type(file.path.name)
        return Wish(
            filename=file.name,
            content_type=self.declared or (None if packed else guessed) or OCTETS,
            size=file.size,
            sha256=await file.sha256(),
            purpose=self.purpose,
        )


async def cancel(uploads: Uploads, drafts: Drafts, file: LocalFile) -> list[str]:
    """Throw away what has arrived of a file; returns the ids of the uploads that were cancelled."""
    cancelled = []
    for draft in drafts.of_content(await file.sha256()):
        announced = await uploads.announce(draft.wish, draft.key)
        if not announced.exists:
            try:
                await uploads.cancel(announced.media_id)
                cancelled.append(announced.media_id)
            except Refused as error:  # complete, which is past cancelling, or gone
                if error.code not in (ErrorCode.CONFLICT, ErrorCode.NOT_FOUND):
                    raise
        drafts.forget(draft)
    return cancelled


async def share(
    client: Client, conversation: str, peer: str | None, caption: str, files: Sequence[tuple[Draft, Media]]
) -> str:
    """Send files as one message, to a conversation or, if `peer` is somebody's id, to that person; gives its id.

    As long as their drafts are there, the same files and words are the same message.
    """
    conversation_id = (await client.converse(peer)).id if peer else conversation
    media_ids = list(dict.fromkeys(media.id for _, media in files))  # the same file twice is one
    client_id = uuid5(UUID(files[0][0].key), " ".join([conversation_id, *media_ids, caption]))
    message = await client.put_message(conversation_id, str(client_id), caption or None, media_ids, attempts=ROUNDS)
    return message.id


async def caption(client: Client, words: str, media: Media) -> None:
    """Write words under a file in its owner's library."""
    await client.request("PATCH", f"/v1/media/{media.id}", json={"caption": words}, attempts=ROUNDS)
