"""Workers that process one file each and are killed with SIGKILL at the step whose turn it is; run by `test_killed.py`.

Asked on the standard input by lines of `MEDIA_ID TURN`, it forks such a worker, and tells when that is over at which
step it was killed, or `end`. Steps are all calls of S3 and DynamoDB, each just before it is made and just after it was
answered, and the beginning of work in a sandbox. No exception is raised, no block is left.
"""

import asyncio
import os
import signal
import sys
from typing import Any

from media_service.deliveries.service import DeliveryService
from media_service.dependencies import make_services, open_announcements, open_signer, open_stores
from media_service.processing.dependencies import open_processing
from media_service.sandboxes.service import SandboxService
from media_service.settings import MediaSettings
from servicekit.aws import Aws


class Steps:
    """Counts steps, and kills this process at one of them."""

    def __init__(self, fatal: int) -> None:
        self._left = fatal

    def take(self, step: str) -> None:
        self._left -= 1
        if self._left == 0:
            os.write(sys.stdout.fileno(), f"{step}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, client: Any) -> None:
        """Make steps of the calls of an AWS client."""
        for when in ("before", "after"):
            client.meta.events.register(
                f"{when}-call.*.*", lambda model, when=when, **_: self.take(f"{when} {model.name}")
            )

    def watch_sandboxes(self) -> None:
        """Make a step of work that begins in a sandbox."""
        work = SandboxService.work

        async def begin(sandboxes: SandboxService, order: Any) -> str:
            self.take("sandbox")
            return await work(sandboxes, order)

        SandboxService.work = begin


async def process(media_id: str, steps: Steps) -> None:
    """Process a file as a worker does."""
    settings = MediaSettings()
    async with Aws(settings.region) as aws:
        stores = await open_stores(settings, aws)
        deliveries = DeliveryService(await open_signer(settings, aws), settings.url_window_seconds)
        async with open_announcements(settings, deliveries) as announcements:
            services = make_services(settings, stores, announcements)
            steps.watch(stores.dynamodb)
            steps.watch(stores.objects._client)
            steps.watch_sandboxes()
            async with open_processing(settings, services.states, stores.objects) as processing:
                await processing.process(media_id)


def main() -> None:
    """Fork a worker for every line."""
    for line in sys.stdin:
        media_id, fatal = line.split()
        child = os.fork()
        if not child:
            asyncio.run(process(media_id, Steps(int(fatal))))
            os.write(sys.stdout.fileno(), b"end\n")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status not in (0, signal.SIGKILL):
            sys.exit(1)


if __name__ == "__main__":
    main()
