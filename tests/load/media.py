"""Pictures: how long from the end of an upload until others can see it, and what a picture costs.

The limit is Pillow alone: a loop that decodes the same photo and writes the same sizes, without looking at what it is
given, without a sandbox, a bucket or a table.
"""

import asyncio
import io
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import orjson
from PIL import Image, ImageOps

from .figures import Figure, Results, percentile
from .generators import crew
from .meters import cpu_seconds
from .stage import Stage
from .wire import Gateway, Http, Lost

PHOTO = (4000, 3000)
LARGEST = (8660, 5774)
"""Twelve megapixels, as most cameras make them, and fifty."""
WORKER = "media worker"
_SIZES = (2048, 800, 256)
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 120.0
_PEAK = """
import sys
from pathlib import Path
from media_service.pictures.domain import PictureLimits
from media_service.pictures.studio import portray
source = Path(sys.argv[1])
portray(source, sys.argv[2], source.parent, PictureLimits())
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def photo(size: tuple[int, int], form: str = "JPEG", *, unlike: int = 0) -> bytes:
    """Return a picture with as much in it as a photo has."""
    grain = Image.effect_noise((size[0] // 8, size[1] // 8), 60).resize(size, Image.Resampling.BICUBIC)
    picture = Image.merge(
        "RGB", (grain, Image.linear_gradient("L").resize(size), grain.transpose(Image.Transpose.ROTATE_180))
    )
    picture.putpixel((0, 0), (unlike % 256, unlike // 256, 0))
    out = io.BytesIO()
    picture.save(out, form, quality=90, compress_level=1)
    return out.getvalue()


@dataclass
class Uploads:
    """The load: one person's uploads. A round's order is the pictures; its answer the seconds that each took."""

    gateway: Gateway
    token: str
    at_once: int

    async def start(self) -> None:
        """Connect to the bucket."""
        self._bucket = httpx.AsyncClient(trust_env=False, timeout=60)

    async def round(self, pictures: Sequence[bytes]) -> list[float]:
        """Upload pictures, some at once; raises `Lost` for one that is not shown."""
        gate = asyncio.Semaphore(self.at_once)

        async def one(content: bytes) -> float:
            async with gate:
                return await self._upload(content)

        return await asyncio.gather(*map(one, pictures))

    async def _upload(self, content: bytes) -> float:
        api = await Http.open(self.gateway, self.token)
        wish = {"filename": "photo.jpg", "content_type": "image/jpeg", "size": len(content), "purpose": "library"}
        announced = await api.ask("POST", "/v1/uploads", orjson.dumps(wish))
        request = announced["upload"]
        sent = await self._bucket.request(
            request["method"], request["url"], content=content, headers=request["headers"]
        )
        sent.raise_for_status()
        begun = time.monotonic()
        await api.ask("POST", f"/v1/uploads/{announced['media_id']}/complete")
        while (media := await api.ask("GET", f"/v1/media/{announced['media_id']}"))["status"] != "ready":
            if media["status"] == "rejected" or time.monotonic() - begun > _PATIENCE_SECONDS:
                raise Lost(f"a picture is {media['status']}: {media['reason']}")
            await asyncio.sleep(_POLL_SECONDS)
        api.close()
        return time.monotonic() - begun


def alone(content: bytes) -> None:
    """Do with Pillow what a worker does with a picture."""
    with Image.open(io.BytesIO(content)) as picture:
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    upright.save(io.BytesIO(), "JPEG", quality=90)
    for side in _SIZES:
        upright.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        upright.save(io.BytesIO(), "WEBP", quality=80, method=2)


def peak_mib(content: bytes, content_type: str) -> float:
    """Return the most memory that decoding a picture and making its variants took."""
    with TemporaryDirectory() as folder:
        source = Path(folder, "source")
        source.write_bytes(content)
        command = [sys.executable, "-c", _PEAK, str(source), content_type]
        done = subprocess.run(command, capture_output=True, check=True, env={"VIPS_CONCURRENCY": "1"})
    return int(done.stdout) / 1024


async def measure(stage: Stage, results: Results, pictures: int, rounds: int) -> None:
    """Measure, into `results`: a burst of photos, one photo at a time, the limit, and the largest picture."""
    person, worker = stage.people[0].access_token, {WORKER: stage.processes[WORKER]}
    rates, costs, halves, tails, limits = [], [], [], [], []
    with (
        crew([Uploads(stage.gateway, person, pictures)]) as burst,
        crew([Uploads(stage.gateway, person, 1)]) as single,
    ):
        single.round([photo(PHOTO, unlike=1)])
        for number in range(rounds):
            sent = [photo(PHOTO, unlike=1 + pictures * (2 * number + 1) + each) for each in range(pictures)]
            spent, begun = cpu_seconds(worker)[WORKER], time.monotonic()
            burst.round(sent)
            rates.append(pictures / (time.monotonic() - begun))
            costs.append(pictures / (cpu_seconds(worker)[WORKER] - spent))
            sent = [photo(PHOTO, unlike=1 + pictures * (2 * number + 2) + each) for each in range(pictures)]
            (delays,) = single.round(sent)
            halves.append(percentile(delays, 0.5) * 1000)
            tails.append(percentile(delays, 0.99) * 1000)
            spent = time.process_time()
            for content in sent[:4]:
                alone(content)
            limits.append(len(sent[:4]) / (time.process_time() - spent))
    results.add(
        "media, photos of 12 megapixels",
        Figure("pictures", "/s", rates),
        Figure("pictures a second of the worker's CPU", "", costs),
        Figure("pictures a second of CPU, Pillow alone", "", limits),
        Figure("uploaded until shown, p50", "ms", halves),
        Figure("uploaded until shown, p99", "ms", tails),
    )
    results.ratios.append(
        Figure(
            "pictures a second of CPU: the worker to Pillow alone",
            "",
            [a / b for a, b in zip(costs, limits, strict=True)],
        )
    )
    for form in ("JPEG", "PNG"):
        peaks = [peak_mib(photo(LARGEST, form), f"image/{form.lower()}") for _ in range(rounds)]
        results.add("media, a picture of 50 megapixels", Figure(f"most memory, {form}", "MiB", peaks))
