"""Use case of exports: all that is kept of a person, a page at a time, one kind after another, and then the files.

Who may look into which conversation, and who blocks whom, is chat's and social-graph's to tell: here are copies.
"""

from collections.abc import Sequence

from media_service.albums.service import AlbumService
from media_service.exports.domain import Place, archived, has_bytes, parse_place, told_of
from media_service.files.domain import original_key
from media_service.files.models import File
from media_service.files.repository import FileRepository
from media_service.library.service import LibraryService
from media_service.objects.repository import ObjectRepository
from messenger_contracts.personal_data import PersonalFile, PersonalPage, PersonalRecord

MOST_LINKS = 25
"""How many files a page names: all of them must have been begun while their links are good."""
LINK_SECONDS = 3600


class ExportService:
    """Reads for auth, on behalf of one person."""

    def __init__(
        self, files: FileRepository, library: LibraryService, albums: AlbumService, objects: ObjectRepository
    ) -> None:
        self._files = files
        self._library = library
        self._albums = albums
        self._objects = objects

    async def page(self, user_id: str, cursor: str | None, limit: int) -> PersonalPage:
        """What follows a place, at most `limit` of one kind; raises `ValidationFailed` for a cursor that is none."""
        place = parse_place(cursor)
        match place.kind:
            case "files":
                found, after = await self._files_behind(user_id, place, limit)
                page = _records("files", [told_of(file) for file in found])
            case "albums":
                albums, after = await self._albums.page(user_id, place.after, limit)
                page = _records("albums", [album.model_dump(mode="json") for album in albums])
            case "usage":
                usage, after = await self._library.usage(user_id), None
                page = _records("usage", [usage.model_dump(mode="json")])
            case _:
                found, after = await self._files_behind(user_id, place, min(limit, MOST_LINKS))
                page = PersonalPage(items=[], files=[await self._link(file) for file in found if has_bytes(file)])
        following = place._replace(after=after) if after else place.following
        return page.model_copy(update={"next": following and following.cursor})

    async def _files_behind(self, user_id: str, place: Place, limit: int) -> tuple[list[File], str | None]:
        """The person's next files, and the id to go on from."""
        ids = await self._files.ids_of(user_id, place.after, limit)
        files = await self._files.get_all(ids)
        return [files[each] for each in ids if each in files], ids[-1] if len(ids) == limit else None

    async def _link(self, file: File) -> PersonalFile:
        """A file as it was uploaded, whatever others get of it."""
        url = await self._objects.presign_get(original_key(file.id), LINK_SECONDS)
        return PersonalFile(name=archived(file), url=url, size=file.size)


def _records(kind: str, data: Sequence[dict[str, object]]) -> PersonalPage:
    return PersonalPage(items=[PersonalRecord(kind=kind, data=each) for each in data])
