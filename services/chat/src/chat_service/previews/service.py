"""Use cases of previews: note which messages have links, look at the pages, and show what they say.

The page is fetched outside of any transaction, by whoever has taken the job for a while. What it says is shown only if
the message still says what it said then; a message that was edited meanwhile has a new job.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from chat_service.log.domain import SYSTEM
from chat_service.log.service import Change, ChangeService
from chat_service.previews.domain import MAX_URLS, preview_of, urls_of
from chat_service.previews.fetcher import PageFetcher
from chat_service.previews.repository import Job, LinkRepository, PreviewRepository
from messenger_contracts.conversations import LinkPreview, LogEventType
from servicekit.loops import until, wait_for
from servicekit.outbox import OutboxPosition
from servicekit.postgres import Database, Session
from servicekit.telemetry import record_failure

RETRY_SECONDS = (90.0, 600.0)
"""The pauses before a host that failed is asked again. They are longer than the fetcher leaves it alone."""
LEASE_SECONDS = 120.0
CROWDED_SECONDS = 0.5
IDLE_SECONDS = 0.2
JOBS_AT_ONCE = 16
FETCHES_AT_ONCE = JOBS_AT_ONCE * MAX_URLS
"""What the fetcher has to allow, so that no link waits for another's host."""


class LinkSource:
    """Follows the log: a message with links gets a job, and so does one that has lost them and still shows previews."""

    def __init__(self, repository: LinkRepository) -> None:
        self._repository = repository

    async def read(self, session: Session, after: OutboxPosition, limit: int) -> Sequence[Any]:
        """The next rows of the log."""
        return await self._repository.in_commit_order(session, after, limit)

    async def apply(self, session: Session, rows: Sequence[Any]) -> None:
        """Note the jobs that follow from rows. Messages of long ago get none: a new follower reads all of the log."""
        changed = dict.fromkeys((row.conversation_id, row.message_seq) for row in rows if row.may_link)
        linking = await self._repository.linking(session, list(changed)) if changed else []
        jobs = [(row.conversation_id, row.seq, row.has_previews, urls_of(row.text or "")) for row in linking]
        wanted = [(conversation_id, seq, urls) for conversation_id, seq, shown, urls in jobs if urls or shown]
        if wanted:
            await self._repository.add(session, wanted)


class PreviewService:
    """Works off the jobs, many side by side, and few of any one host: a slow one holds up nobody but itself."""

    def __init__(
        self,
        database: Database,
        repository: PreviewRepository,
        changes: ChangeService,
        fetcher: PageFetcher,
        *,
        at_once: int = JOBS_AT_ONCE,
        of_one_host: int = 2,
    ) -> None:
        self._database = database
        self._repository = repository
        self._changes = changes
        self._fetcher = fetcher
        self._at_once = at_once
        self._of_one_host = of_one_host
        self._running: list[Job] = []

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until the event is set; what is being fetched then is left to whoever takes it later."""
        async with asyncio.TaskGroup() as group:
            while not stopping.is_set():
                for job in await self._take():
                    self._running.append(job)
                    task = group.create_task(self._work(job, stopping))
                    task.add_done_callback(partial(self._let_go, job))
                await wait_for(stopping, IDLE_SECONDS)

    def _let_go(self, job: Job, _: asyncio.Task[None]) -> None:
        self._running.remove(job)

    async def _take(self) -> list[Job]:
        """Take what there is room for; jobs of hosts that are being asked enough already wait for a moment."""
        room = self._at_once - len(self._running)
        if not room:
            return []
        taken, asked = [], Counter(host for job in self._running for host in _hosts(job))
        async with self._database.write() as session:
            for job in await self._repository.take(session, room, LEASE_SECONDS):
                if any(asked[host] >= self._of_one_host for host in _hosts(job)):
                    await self._repository.put_back(session, job, job.attempts - 1, CROWDED_SECONDS)
                    continue
                asked.update(_hosts(job))
                taken.append(job)
        return taken

    async def _work(self, job: Job, stopping: asyncio.Event) -> None:
        """Do one job; one that fails for reasons of our own comes again when its time with us is over."""
        try:
            found = await until(stopping, self._look(job))
            if found is not None:
                await self._finish(job, found)
        except Exception as error:
            record_failure("previews", error)

    async def _look(self, job: Job) -> dict[str, LinkPreview | None]:
        """What each page says of itself, but those that the message shows already."""
        async with self._database.read() as session:
            message = await self._repository.message(session, job)
        if message is None or urls_of(message.text or "") != job.urls:
            return {}
        known = {each["url"]: LinkPreview.model_validate(each) for each in message.previews or ()}
        missing = [url for url in job.urls if url not in known]
        looked = await asyncio.gather(*map(self._preview, missing))
        return {**known, **dict(zip(missing, looked, strict=True))}

    async def _preview(self, url: str) -> LinkPreview | None:
        page = await self._fetcher.fetch(url)
        return await asyncio.to_thread(preview_of, url, page.html, page.url) if page else None

    async def _finish(self, job: Job, found: Mapping[str, LinkPreview | None]) -> None:
        """Show what was found, and let go of the job, or try what failed again later."""
        async with self._changes.change(job.conversation_id) as change:
            if change is not None:
                await self._show(change, job, found)
                await self._settle(change.session, job, found)
                return
        async with self._database.write() as session:
            await self._repository.remove(session, job)

    async def _show(self, change: Change, job: Job, found: Mapping[str, LinkPreview | None]) -> None:
        message = await self._repository.message(change.session, job)
        if message is None or urls_of(message.text or "") != job.urls:
            return
        previews = [preview.model_dump() for url in job.urls if (preview := found.get(url))]
        if previews != (message.previews or []):
            await self._repository.show(change.session, job, previews)
            await change.append(LogEventType.MESSAGE_EDITED, (SYSTEM, SYSTEM), None, target_seq=job.seq)

    async def _settle(self, session: Session, job: Job, found: Mapping[str, LinkPreview | None]) -> None:
        failed = any(preview is None and self._fetcher.may_come_back(url) for url, preview in found.items())
        if failed and job.attempts <= len(RETRY_SECONDS):
            await self._repository.put_back(session, job, job.attempts, RETRY_SECONDS[job.attempts - 1])
        else:
            await self._repository.remove(session, job)


def _hosts(job: Job) -> set[str]:
    return {urlsplit(url).hostname or "" for url in job.urls}
