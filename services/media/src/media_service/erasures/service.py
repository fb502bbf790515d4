"""How media forgets a person.

First the door closes (`departures`): from then on nothing comes into being in the person's name. Then they are taken
out of every place. Albums of theirs go, with an event; in those of others they have been neither guest nor contributor.
Then file by file, whatever its state: into the bin, out of every album, and purged, as their own deletion and the sweep
would have done in a month, so that all hear of it who hear of that. Objects go before the record that names them. Bytes
that arrive by a request which was signed before belong to no record, and are removed when S3 tells of them
(`processing`).

Each step finds what is left to do, and to take it again is harmless: who dies in the middle is asked again. What stays
for a month is the bare id in `departures`; `uses` keeps ids of messages and files, which lead nowhere, and the outbox
ids alone, until it is published.
"""

from contextlib import suppress

from media_service.albums.service import AlbumService
from media_service.departures.repository import DepartureRepository
from media_service.erasures.repository import ErasureRepository
from media_service.files.errors import MediaNotFound
from media_service.files.repository import FileRepository
from media_service.grants.domain import album_of
from media_service.library.service import LibraryService, PurgeService
from messenger_contracts.personal_data import Remains
from servicekit.dynamodb_idempotency import DynamoIdempotency
from servicekit.errors import DependencyUnavailable
from servicekit.telemetry import meter

BATCH = 100
ATTEMPTS = 8
_erased = meter.create_counter("media.erased", description="Files that were erased with their owner")


class RemainsService:
    """Tells what is left of a person."""

    def __init__(self, files: FileRepository, answers: DynamoIdempotency, repository: ErasureRepository) -> None:
        self._files = files
        self._answers = answers
        self._repository = repository

    async def of(self, user_id: str) -> Remains:
        """What is left, counted afresh."""
        counts = {
            "files": await self._files.count_of(user_id),
            "answers": await self._answers.count(user_id),
            **await self._repository.left(user_id),
        }
        return Remains(left={kind: count for kind, count in counts.items() if count})


class ErasureService:
    """Forgets people."""

    def __init__(
        self,
        *,
        departures: DepartureRepository,
        files: FileRepository,
        library: LibraryService,
        purges: PurgeService,
        albums: AlbumService,
        answers: DynamoIdempotency,
        repository: ErasureRepository,
        batch: int,
    ) -> None:
        self._departures = departures
        self._files = files
        self._library = library
        self._purges = purges
        self._albums = albums
        self._answers = answers
        self._repository = repository
        self._batch = batch

    async def erase(self, user_id: str) -> None:
        """Forget a person."""
        await self._departures.note(user_id)
        await self._leave_places(user_id)
        await self._erase_files(user_id)
        await self._repository.forget_blocks(user_id, self._batch)
        await self._repository.forget_digests(user_id, self._batch)
        await self._repository.forget_usage(user_id)
        await self._answers.forget(user_id)

    async def _leave_places(self, user_id: str) -> None:
        """Take a person out of every place; out of an album first, which is found by nothing else."""
        after = None
        while places := await self._repository.places(user_id, after, self._batch):
            for place in places:
                if album_id := album_of(place):
                    await self._albums.leave(user_id, album_id)
            await self._repository.forget_places(user_id, places)
            after = places[-1]

    async def _erase_files(self, user_id: str) -> None:
        after = None
        while ids := await self._files.ids_of(user_id, after, self._batch):
            for media_id in ids:
                await self._erase_file(user_id, media_id)
            after = ids[-1]

    async def _erase_file(self, user_id: str, media_id: str) -> None:
        """Purge a file, by way of the bin: what is still being processed is not shown then, and cleared away."""
        for _ in range(ATTEMPTS):
            with suppress(MediaNotFound):  # it is in the bin
                await self._library.delete(user_id, media_id, erased=True)
            file = await self._files.get(media_id)
            if file is None:
                return
            await self._albums.leave_all(file)
            if await self._purges.purge(file):
                _erased.add(1)
                return
        raise DependencyUnavailable("The file is being changed by too many at once.")
