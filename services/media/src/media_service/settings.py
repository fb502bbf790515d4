"""What media is told by its environment."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic_settings import SettingsConfigDict

from servicekit.inbox import RETRY_SECONDS
from servicekit.settings import ServiceSettings

KIB, MIB, GIB = 1024, 1024**2, 1024**3


class MediaSettings(ServiceSettings):
    """Settings of the API and of the worker."""

    SERVICE: ClassVar[str] = "media"
    model_config = SettingsConfigDict(env_prefix="MEDIA_", extra="ignore", frozen=True)

    valkey_url: str = "redis://127.0.0.1:6379/0"
    """The Valkey by which owners are told live what becomes of their files."""
    upload_limit: int = 5 * GIB
    """The largest file, in bytes; S3 copies no larger one in one call."""
    multipart_above: int = 16 * MIB
    """Files larger than this are uploaded in parts, in bytes."""
    quota_bytes: int = 15 * GIB
    """What one person's files may come to, in bytes; variants do not count."""
    upload_seconds: int = 900
    """How long a presigned upload, or one part of it, may begin."""
    unfinished_hours: int = 24
    """How long an upload may take before it is swept away."""
    restore_days: int = 30
    """How long a deleted file can be restored before it is purged."""
    unused_days: int = 30
    """How long a file that was uploaded to be attached may hang nowhere before it is deleted."""
    processing_minutes: int = 15
    """After how long a file that is still being processed is announced anew."""
    processing_attempts: int = 8
    """How often processing may begin before the file is rejected as `failed`."""
    ffmpeg: str = "ffmpeg"
    """The program that reads films and sounds, by name or path; where there is none, they have no preview."""
    scanner: str | None = None
    """The virus scanner clamd, as `host:port`; none: files are shown as `unscanned`."""
    scanner_limit: int = 100 * MIB
    """The largest file that the scanner takes, in bytes: clamd's `StreamMaxLength`. Larger ones are `unscanned`."""
    scratch: Path | None = None
    """The folder for files that are being processed, each at most twice its size; none: the system's own."""
    sandboxes: int = 2
    """How many files a worker processes at a time: as many as it has cores."""
    sandbox_memory_mib: int = 1024
    """The address space of a process that decodes a file, in MiB; what it uses of it is mostly a tenth."""
    sandbox_cpu_seconds: int = 60
    """The processor time that decoding a file may take, in seconds."""
    sandbox_seconds: float = 180.0
    """How long decoding a file may take by the clock, in seconds."""
    picture_pixels: int = 100_000_000
    """The largest picture, in pixels; of an animation with more in all frames, the first frame is kept."""
    url_window_seconds: int = 600
    """Signed URLs of one window are the same, so that caches hit; each is good for one to two windows."""
    delivery: Literal["s3", "cloudfront"] = "s3"
    """Who serves the files: S3 by presigned URL, or CloudFront by signed URL."""
    s3_public_url: str | None = None
    """Where clients reach S3, if not where this process does."""
    cloudfront_url: str = ""
    """The origin of the distribution, such as `https://media.example.com`."""
    cloudfront_key_id: str = ""
    """The id of the public key that the distribution trusts; the private half is the secret `cloudfront-key`."""
    sweep_seconds: float = 30.0
    """How often the worker looks for what is due."""
    visibility_seconds: int = 30
    """How long a received event stays hidden from other workers; renewed at half of it while work goes on."""
    retry_seconds: tuple[int, ...] = RETRY_SECONDS
    """The pauses before an event that failed is tried again; the last one holds for every further try."""

    @property
    def bucket(self) -> str:
        """The bucket of all files. Names of buckets are global, so the account's number is part of them."""
        return f"{self.resource('objects')}-{self.account_id}"
