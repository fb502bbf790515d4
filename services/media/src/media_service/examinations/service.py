"""Has files examined, each in a sandbox of its own."""

import shutil
from pathlib import Path

from media_service.contents.errors import Refused
from media_service.examinations.models import Findings, Order, Report
from media_service.pictures.domain import PictureLimits
from media_service.sandboxes.errors import WorkKilled
from media_service.sandboxes.service import SandboxService
from messenger_contracts.media import RejectReason

EXAMINER = "media_service.examinations.examiner"


class ExaminationService:
    """Looks at files."""

    def __init__(self, sandboxes: SandboxService, limits: PictureLimits, ffmpeg: str | None) -> None:
        self._sandboxes = sandboxes
        self._limits = limits
        self._ffmpeg = ffmpeg

    async def examine(self, source: Path, folder: Path, declared: str) -> Findings:
        """Find out what a file is, and make its variants in a folder. Raises `Refused`, or what a sandbox raises."""
        return await self._have_done(source, folder, declared, None)

    async def crop(self, source: Path, folder: Path, content_type: str, box: tuple[int, int, int, int]) -> Findings:
        """Make a part of a picture, given as left, top, width and height. Raises as `examine` does."""
        return await self._have_done(source, folder, content_type, box)

    async def _have_done(
        self, source: Path, folder: Path, declared: str, crop: tuple[int, int, int, int] | None
    ) -> Findings:
        order = Order(
            source=str(source),
            folder=str(folder),
            declared=declared,
            limits=self._limits,
            ffmpeg=self._ffmpeg,
            crop=crop,
        )
        try:
            report = Report.model_validate_json(await self._sandboxes.work(order.model_dump(mode="json")))
        except WorkKilled as error:
            raise Refused(RejectReason.TOO_LARGE, f"It takes more than one file may have: {error}") from error
        if report.refusal:
            raise Refused(report.refusal.reason, report.refusal.detail)
        if not report.findings:
            raise Refused(RejectReason.FAILED, "The sandbox found nothing.")
        return report.findings


def ffmpeg_at(name: str) -> str | None:
    """The program of that name or path; where there is none, the one that the package `imageio-ffmpeg` brings."""
    if found := shutil.which(name):
        return found
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None
