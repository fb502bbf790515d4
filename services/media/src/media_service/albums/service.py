"""What people do with albums, each as far as their role reaches.

To others an album does not exist, nor to those whom a block keeps apart from its owner, whatever their role is.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from uuid_utils import uuid7

from media_service.albums.errors import AlbumFull, AlbumNotFound, NotYours
from media_service.albums.models import AlbumRow, ItemRow, item_entry
from media_service.albums.repository import AlbumRepository
from media_service.albums.schemas import AlbumCreate, AlbumPatch
from media_service.departures.errors import Departed
from media_service.departures.repository import DepartureRepository
from media_service.files.models import File
from media_service.grants.domain import album as album_place
from media_service.grants.service import GrantService
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.media import AlbumDeleted
from messenger_contracts.media import Album
from servicekit.dynamodb import Transaction
from servicekit.dynamodb_idempotency import DynamoIdempotency
from servicekit.dynamodb_outbox import DynamoOutbox
from servicekit.errors import DependencyUnavailable
from servicekit.etags import require_match
from servicekit.idempotency import Answer, Attempt

MOST_ITEMS = 10_000
ATTEMPTS = 8
OWNER = "owner"
CLEARED_AT_ONCE = 100


class AlbumService:
    """Keeps albums."""

    def __init__(
        self,
        albums: AlbumRepository,
        grants: GrantService,
        departures: DepartureRepository,
        answers: DynamoIdempotency,
        outbox: DynamoOutbox,
    ) -> None:
        self._albums = albums
        self._grants = grants
        self._departures = departures
        self._answers = answers
        self._outbox = outbox

    async def create(self, owner_id: str, wish: AlbumCreate, attempt: Attempt) -> Answer[Album]:
        """Make an album, and share it."""

        async def make(work: Transaction) -> Answer[Album]:
            shared = {each: role for each, role in wish.people.items() if each != owner_id}
            row = AlbumRow(
                album_id=str(uuid7()), owner_id=owner_id, title=wish.title, shared=shared, created_at=datetime.now(UTC)
            )
            self._departures.require_present(work, owner_id)
            self._albums.add(work, row)
            self._share(work, row, {owner_id: OWNER, **shared}, row.version)
            return Answer(_album(row, owner_id))

        return await self._answers.once(attempt, Album, make, refusals={0: Departed})

    async def page(self, user_id: str, before: str | None, limit: int) -> tuple[list[Album], str | None]:
        """The albums that a person owns or that are shared with them, and the id to go on from."""
        ids = await self._albums.ids_of(user_id, before, limit + 1)
        rows = await self._albums.get_all(ids[:limit])
        apart = await self._grants.apart(user_id, {row.owner_id for row in rows.values()})
        listed = [rows[each] for each in ids[:limit] if each in rows and rows[each].owner_id not in apart]
        shown = [_album(row, user_id) for row in listed if _role(row, user_id)]
        return shown, ids[limit - 1] if len(ids) > limit else None

    async def one(self, user_id: str, album_id: str) -> tuple[Album, int]:
        """An album as a person sees it, and its version; raises `AlbumNotFound`."""
        row = await self._require(user_id, album_id)
        return _album(row, user_id), row.version

    async def change(self, user_id: str, album_id: str, wish: AlbumPatch, if_match: str | None) -> tuple[Album, int]:
        """Give an album another title, or share it otherwise. Raises `NotYours` and `PreconditionFailed` too."""
        for _ in range(ATTEMPTS):
            row = await self._require_own(user_id, album_id)
            require_match(if_match, row.version)
            shared = row.shared
            if wish.shared is not None:
                shared = {each: role for each, role in wish.people.items() if each != user_id}
            after = row.model_copy(
                update={"title": wish.title or row.title, "shared": shared, "version": row.version + 1}
            )
            work = Transaction()
            self._share(work, row, dict(shared.items() - row.shared.items()), after.version)
            self._unshare(work, row, row.shared.keys() - shared.keys(), after.version)
            if await self._albums.change(row, {"title": after.title, "shared": dict(shared)}, work):
                return _album(after, user_id), after.version
        raise DependencyUnavailable

    async def delete(self, user_id: str, album_id: str) -> None:
        """Delete an album; its files stay in their owners' libraries. Raises `AlbumNotFound` or `NotYours`."""
        for _ in range(ATTEMPTS):
            row = await self._require_own(user_id, album_id)
            work = Transaction()
            self._unshare(work, row, {row.owner_id, *row.shared}, row.version + 1)
            self._outbox.add(work, _deleted(row))
            if await self._albums.remove(row, work):
                return
        raise DependencyUnavailable

    async def items(self, user_id: str, album_id: str, before: str | None, limit: int) -> tuple[list[File], str | None]:
        """The files of an album that a person may see, and the id to go on from; raises `AlbumNotFound`."""
        await self._require(user_id, album_id)
        rows = await self._albums.items(album_id, before, limit + 1)
        files = await self._grants.visible(user_id, [row.media_id for row in rows[:limit]])
        return files, rows[limit - 1].media_id if len(rows) > limit else None

    async def add_item(self, user_id: str, album_id: str, media_id: str) -> None:
        """Put a file of one's own into an album; again is harmless.

        Raises `AlbumNotFound`, `NotYours` for a viewer, `AlbumFull`, and `MediaNotFound` for another's file.
        """
        row = await self._require(user_id, album_id)
        if _role(row, user_id) == "viewer":
            raise NotYours
        await self._grants.require_own(user_id, media_id)
        item = ItemRow(album_id=album_id, entry=item_entry(media_id), added_by=user_id)
        work = Transaction()
        self._departures.require_present(work, user_id)
        self._grants.put_up(work, media_id, album_place(album_id))
        if await self._albums.add_item(item, MOST_ITEMS, work) or await self._albums.item(album_id, media_id):
            return
        await self._require(user_id, album_id)
        raise AlbumFull

    async def remove_item(self, user_id: str, album_id: str, media_id: str) -> None:
        """Take a file out of an album: its owner any, others what they added. One that is not in it is harmless.

        Who added it may do so when they are in the album no longer: it is theirs that hangs there.
        """
        item = await self._albums.item(album_id, media_id)
        if item is None or item.added_by != user_id:
            row = await self._require(user_id, album_id)
            if item is None:
                return
            if row.owner_id != user_id:
                raise NotYours
        await self._take_out(item, album_is_there=await self._albums.get(album_id) is not None)

    async def unshare(self, user_id: str, album_id: str, person: str) -> None:
        """Leave an album, or, as its owner, have somebody leave it; who is not in it stays out.

        Raises `AlbumNotFound`, and `NotYours` for others, and for an owner, who may delete it.
        """
        row = await self._require(user_id, album_id)
        if person == row.owner_id or user_id not in (row.owner_id, person):
            raise NotYours
        await self.leave(person, album_id)

    async def clear(self, event: Event[AlbumDeleted]) -> None:
        """Take all files out of a deleted album; it may be begun again at any point."""
        while items := await self._albums.items(event.data.album_id, None, CLEARED_AT_ONCE):
            for item in items:
                await self._take_out(item, album_is_there=False)

    async def leave(self, user_id: str, album_id: str) -> None:
        """Let a person be in an album no longer, whatever part they had in it: their own is deleted."""
        for _ in range(ATTEMPTS):
            row = await self._albums.get(album_id)
            if row is None or _role(row, user_id) is None:
                return
            if row.owner_id == user_id:
                await self.delete(user_id, album_id)
                return
            work, shared = Transaction(), {each: role for each, role in row.shared.items() if each != user_id}
            self._unshare(work, row, {user_id}, row.version + 1)
            if await self._albums.change(row, {"shared": shared}, work):
                return
        raise DependencyUnavailable

    async def leave_all(self, file: File) -> None:
        """Take a file that is to be purged out of every album."""
        prefix = album_place("")
        for place, count in file.places.items():
            if count > 0 and place.startswith(prefix):
                album_id = place.removeprefix(prefix)
                item = await self._albums.item(album_id, file.id)
                if item:
                    await self._take_out(item, album_is_there=await self._albums.get(album_id) is not None)

    async def _take_out(self, item: ItemRow, *, album_is_there: bool) -> None:
        for _ in range(ATTEMPTS):
            work = Transaction()
            await self._grants.take_off(work, item.media_id, album_place(item.album_id))
            if await self._albums.remove_item(item, work, album_is_there=album_is_there):
                return
            if await self._albums.item(item.album_id, item.media_id) is None:
                return
            album_is_there = await self._albums.get(item.album_id) is not None
        raise DependencyUnavailable

    async def _require(self, user_id: str, album_id: str) -> AlbumRow:
        row = await self._albums.get(album_id)
        if row is None or _role(row, user_id) is None or await self._grants.apart(user_id, [row.owner_id]):
            raise AlbumNotFound
        return row

    async def _require_own(self, user_id: str, album_id: str) -> AlbumRow:
        row = await self._require(user_id, album_id)
        if row.owner_id != user_id:
            raise NotYours
        return row

    def _share(self, work: Transaction, row: AlbumRow, people: Mapping[str, str], version: int) -> None:
        for user_id in people:
            self._grants.allow(work, album_place(row.album_id), user_id, version, album_of=user_id)

    def _unshare(self, work: Transaction, row: AlbumRow, people: set[str], version: int) -> None:
        for user_id in people:
            self._grants.forbid(work, album_place(row.album_id), user_id, version)


def _role(row: AlbumRow, user_id: str) -> str | None:
    return OWNER if row.owner_id == user_id else row.shared.get(user_id)


def _album(row: AlbumRow, reader: str) -> Album:
    told = row.model_dump(include={"owner_id", "title", "items", "created_at"})
    shared = row.shared if row.owner_id == reader else {}
    return Album.model_validate({**told, "id": row.album_id, "role": _role(row, reader), "shared": shared})


def _deleted(row: AlbumRow) -> Event[AlbumDeleted]:
    return Event(
        id=f"media:album:{row.album_id}:deleted",
        source="media",
        type=AlbumDeleted.TYPE,
        time=datetime.now(UTC),
        subject=row.album_id,
        dataschema=schema_uri(AlbumDeleted.TYPE),
        data=AlbumDeleted(album_id=row.album_id, owner_id=row.owner_id),
    )
