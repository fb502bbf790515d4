"""Whenever a worker is killed, the next one brings the file to the same end."""

import io
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from media_service.dependencies import Services, Stores
from media_service.processing.service import ProcessingService
from media_service.settings import MediaSettings

MORTAL = Path(__file__).with_name("mortal.py")
SHOWN = ["originals/*", *(f"variants/*/{name}" for name in ("large.webp", "original.jpeg", "small.webp", "thumb.webp"))]
CALLS = {"UpdateItem", "HeadObject", "GetObject", "CopyObject", "PutObject", "TransactWriteItems", "DeleteObjects"}


def photo() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((320, 200)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


PHOTO = photo()


@pytest.fixture
def die(settings: MediaSettings, tmp_path: Path) -> Iterator[Callable[[str, int], str]]:
    """Have a worker process a file and be killed at its step of that number; gives the step, or `end`."""
    told = {
        "MEDIA_ENVIRONMENT": settings.environment,
        "MEDIA_RESOURCE_PREFIX": settings.resource_prefix,
        "MEDIA_ACCOUNT_ID": settings.account_id,
        "MEDIA_VALKEY_URL": settings.valkey_url,
        "TMPDIR": str(tmp_path),
    }
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, str(MORTAL)], env={**os.environ, **told}, **pipes) as workers:

        def ask(media_id: str, fatal: int) -> str:
            print(media_id, fatal, file=workers.stdin, flush=True)
            return workers.stdout.readline().strip()

        yield ask
        workers.stdin.close()


async def test_a_worker_may_be_killed_at_any_step(
    die: Callable[[str, int], str],
    upload: Callable[..., Awaitable[str]],
    processing: ProcessingService,
    services: Services,
    stores: Stores,
    keys_of: Callable[[str], Awaitable[set[str]]],
    told: Callable[[str], Awaitable[list[str]]],
    alice: Any,
) -> None:
    """The same objects, one event, a quota that is right; and the one that nobody kills needs no help."""
    steps, step = [], ""
    for fatal in count(1):
        media_id = await upload(PHOTO + bytes(fatal))  # filling, so that no two have one digest
        steps.append(step := die(media_id, fatal))
        if step != "end":
            await processing.process(media_id)

        file = await services.states.get(media_id)
        assert file
        assert file.status == "ready", step
        assert sorted(await keys_of(media_id)) == SHOWN, step
        assert await told(media_id) == ["media.ready.v1", "media.uploaded.v1"], step
        _, reserved = await stores.quotas.get(alice.id)
        assert reserved == 0, step
        if step == "end":
            break
    assert {f"{when} {call}" for when in ("before", "after") for call in CALLS} | {"sandbox", "end"} <= set(steps)
