"""The work of a sandbox: what it reads is hostile until it has been read to its end.

A picture becomes pixels and pictures again; a recording keeps its streams and loses all else; any other file stays as
it is, for a document says what its sender means it to say. Without ffmpeg nobody can tell what a recording gives away:
only its owner gets it then, and it has no preview.
"""

from collections.abc import Mapping
from mmap import ACCESS_READ, mmap
from pathlib import Path

from PIL import Image

from media_service.contents.domain import HEAD_BYTES, Content, Kind, agreed, sniff, without_picture
from media_service.contents.errors import Refused
from media_service.contents.polyglots import refuse_polyglots
from media_service.examinations.models import Findings, Made, Order, Refusal, Report
from media_service.pictures.studio import ORIGINAL, Variant, cut, portray
from media_service.recordings.domain import CONTAINERS, recorded_at
from media_service.recordings.ffmpeg import Ffmpeg
from messenger_contracts.media import RejectReason

CROP = "crop"
Image.init()  # before any fork, so that no fork does it again


def work(order: object) -> str:
    """Examine a file, or cut a part out of a picture; a `Report` as JSON."""
    wanted = Order.model_validate(order)
    try:
        findings = _crop(wanted, wanted.crop) if wanted.crop else examine(wanted)
        return Report(status="found", findings=findings).model_dump_json()
    except Refused as error:
        refusal = Refusal(reason=error.reason, detail=error.detail)
        return Report(status="refused", refusal=refusal).model_dump_json()


def examine(order: Order) -> Findings:
    """Find out what a file is, and make its variants. Raises `Refused`."""
    source = Path(order.source)
    with source.open("rb") as file:
        content = agreed(sniff(file.read(HEAD_BYTES)), order.declared)
        if content.kind is Kind.IMAGE:
            with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                refuse_polyglots(content.content_type, data)
    if content.kind is Kind.FILE:
        return Findings(content_type=content.content_type, kind=content.kind.value, as_it_is=True)
    if content.kind is Kind.IMAGE:
        return _picture(order, content)
    return _recording(order, content)


def _picture(order: Order, content: Content) -> Findings:
    portrait = portray(Path(order.source), content.content_type, Path(order.folder), order.limits)
    return Findings(
        content_type=content.content_type,
        kind=content.kind.value,
        width=portrait.width,
        height=portrait.height,
        blurhash=portrait.blurhash,
        color=portrait.color,
        taken_at=portrait.taken_at,
        made=_made(portrait.variants),
    )


def _recording(order: Order, content: Content) -> Findings:
    if not order.ffmpeg:
        return Findings(content_type=content.content_type, kind=content.kind.value)
    ffmpeg = Ffmpeg(order.ffmpeg, order.limits.pixels)
    if content.kind is Kind.VIDEO:
        frame = Path(order.folder) / "frame.png"
        if ffmpeg.first_frame(Path(order.source), CONTAINERS[content.content_type], frame):
            return _film(order, content, ffmpeg, frame)
        content = without_picture(content)
    return _sound(order, content, ffmpeg)


def _film(order: Order, content: Content, ffmpeg: Ffmpeg, frame: Path) -> Findings:
    if order.declared.startswith("audio/"):
        raise Refused(RejectReason.TYPE_MISMATCH, "The upload was declared as sound, but there is a picture in it.")
    folder, container = Path(order.folder), CONTAINERS[content.content_type]
    target = folder / f"{ORIGINAL}.{container.extension}"
    duration = ffmpeg.strip(Path(order.source), container, target, picture=True)
    portrait = portray(frame, "image/png", folder, order.limits, original=False)
    original = Variant(target, content.content_type, portrait.width, portrait.height)
    return Findings(
        content_type=content.content_type,
        kind="video",
        width=portrait.width,
        height=portrait.height,
        duration_ms=duration,
        blurhash=portrait.blurhash,
        color=portrait.color,
        taken_at=recorded_at(ffmpeg.metadata(Path(order.source), container)),
        made=_made({ORIGINAL: original, **portrait.variants}),
    )


def _sound(order: Order, content: Content, ffmpeg: Ffmpeg) -> Findings:
    container = CONTAINERS[content.content_type]
    target = Path(order.folder) / f"{ORIGINAL}.{container.extension}"
    duration = ffmpeg.strip(Path(order.source), container, target, picture=False)
    return Findings(
        content_type=content.content_type,
        kind="audio",
        duration_ms=duration,
        waveform=ffmpeg.waveform(Path(order.source), container, duration),
        made={ORIGINAL: Made(file=target.name, content_type=content.content_type)},
    )


def _crop(order: Order, box: tuple[int, int, int, int]) -> Findings:
    part = cut(Path(order.source), order.declared, box, Path(order.folder) / f"{CROP}.webp", order.limits)
    return Findings(
        content_type=part.content_type, kind="image", width=part.width, height=part.height, made=_made({CROP: part})
    )


def _made(variants: Mapping[str, Variant]) -> dict[str, Made]:
    return {
        name: Made(file=made.path.name, content_type=made.content_type, width=made.width, height=made.height)
        for name, made in variants.items()
    }
