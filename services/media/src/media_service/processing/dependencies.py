"""What processing is made of, for as long as the worker lives."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from media_service.examinations.service import EXAMINER, ExaminationService, ffmpeg_at
from media_service.objects.repository import ObjectRepository
from media_service.pictures.domain import PictureLimits
from media_service.processing.service import ProcessingService
from media_service.sandboxes.limits import Limits
from media_service.sandboxes.scratch import open_scratch
from media_service.sandboxes.service import SandboxService
from media_service.scanners.service import scanner_at
from media_service.settings import MediaSettings
from media_service.states.service import StateService


@asynccontextmanager
async def open_processing(
    settings: MediaSettings, files: StateService, objects: ObjectRepository
) -> AsyncIterator[ProcessingService]:
    """Processing, with sandboxes and a folder that end when the block does."""
    limits = Limits(
        memory_mib=settings.sandbox_memory_mib,
        cpu_seconds=settings.sandbox_cpu_seconds,
        seconds=settings.sandbox_seconds,
    )
    pictures = PictureLimits(pixels=settings.picture_pixels, animated_pixels=settings.picture_pixels)
    with open_scratch(settings.scratch) as scratch:
        async with SandboxService(EXAMINER, limits, settings.sandboxes, scratch) as sandboxes:
            yield ProcessingService(
                files=files,
                objects=objects,
                scanner=scanner_at(settings.scanner, settings.scanner_limit),
                examinations=ExaminationService(sandboxes, pictures, ffmpeg_at(settings.ffmpeg)),
                attempts=settings.processing_attempts,
                at_once=settings.sandboxes,
                scratch=scratch,
            )
