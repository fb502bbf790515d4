"""Who is told what of a file, and URLs that caches can keep."""

import base64
import json
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from media_service.deliveries.models import Window
from media_service.deliveries.repository import read_private_key
from media_service.deliveries.service import DeliveryService
from media_service.dependencies import open_signer
from media_service.files.models import File, StoredVariant

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
WINDOW = 600


def stored(key: str) -> StoredVariant:
    return StoredVariant(key=key, content_type="image/png", size=1, width=4, height=3)


def a_file(**changes) -> File:
    values = {
        "id": "m",
        "owner_id": "ada",
        "purpose": "message",
        "filename": "a b.png",
        "content_type": "image/png",
        "size": 1,
        "status": "ready",
        "created_at": NOW,
        "taken_at": NOW,
        "tags": ["sea"],
        "duration_ms": 1500,
        "variants": {name: stored(f"variants/m/{name}.webp") for name in ("thumb", "original", "private")},
    }
    return File(**values | changes)


class PlainSigner:
    """Signs nothing, so that one sees what would be."""

    async def url(self, key: str, window: Window) -> str:
        return f"{key}@{window.start}"


@pytest.fixture
def deliveries() -> DeliveryService:
    return DeliveryService(PlainSigner(), WINDOW, clock=lambda: 1_234_567.8)


async def test_others_get_the_original_that_tells_nothing_about_its_owner(deliveries) -> None:
    own, others = [await deliveries.describe(a_file(), reader) for reader in ("ada", "bob")]

    assert own.variants.keys() == others.variants.keys() == {"thumb", "original"}
    assert own.variants["original"].url.startswith("variants/m/private.webp")
    assert others.variants["original"].url.startswith("variants/m/original.webp")
    assert (own.tags, own.taken_at, own.duration) == (["sea"], NOW, 1.5)
    assert (others.tags, others.taken_at, others.duration) == ([], None, 1.5)


@pytest.mark.parametrize(("status", "answered"), [("pending", 202), ("processing", 202), ("rejected", 200)])
async def test_what_is_not_ready_has_no_urls(deliveries, status, answered) -> None:
    file = a_file(status=status)

    assert (await deliveries.describe(file, "ada")).variants == {}
    assert deliveries.status_of(file) == answered


@pytest.mark.parametrize(("now", "start", "expires"), [(1200, 1200, 2400), (1799.9, 1200, 2400), (1800, 1800, 3000)])
def test_urls_of_one_window_are_the_same_and_good_beyond_it(now, start, expires) -> None:
    assert Window.of(now, WINDOW) == Window(start, expires)


async def test_s3_serves_ranges_by_urls_that_stay_the_same(aws, settings, stores) -> None:
    await stores.objects.write("variants/m/a b.webp", b"0123456789", "image/webp")
    window = Window.of(datetime.now(UTC).timestamp(), WINDOW)
    urls = [await (await open_signer(settings, aws)).url("variants/m/a b.webp", window) for _ in range(2)]

    async with httpx.AsyncClient(trust_env=False) as s3:
        part = await s3.get(urls[0], headers={"Range": "bytes=2-4"})
        other = await s3.get(urls[0].replace("a%20b", "b"))

    assert urls[0] == urls[1]
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert "immutable" in part.headers["Cache-Control"]
    assert other.status_code == 403


async def test_s3_serves_nothing_when_the_window_is_over(aws, settings, stores) -> None:
    await stores.objects.write("variants/m/thumb.webp", b"x", "image/webp")
    past = Window.of(datetime.now(UTC).timestamp() - 3 * WINDOW, WINDOW)

    async with httpx.AsyncClient(trust_env=False) as s3:
        answer = await s3.get(await (await open_signer(settings, aws)).url("variants/m/thumb.webp", past))

    assert answer.status_code == 403


async def test_what_a_browser_might_run_is_downloaded(aws, settings, stores) -> None:
    await stores.objects.write("variants/m/original.html", b"<script>", "text/html")
    window = Window.of(datetime.now(UTC).timestamp(), WINDOW)

    async with httpx.AsyncClient(trust_env=False) as s3:
        answer = await s3.get(await (await open_signer(settings, aws)).url("variants/m/original.html", window))

    assert answer.headers["Content-Disposition"] == "attachment"


async def test_cloudfront_finds_the_signature_that_it_expects(aws, settings) -> None:
    """As its guide on canned policies has it: the policy is put together anew from the URL, and must verify."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    secrets = await aws.client("secretsmanager")
    await secrets.create_secret(Name=settings.resource("cloudfront-key"), SecretString=pem)
    changed = {"delivery": "cloudfront", "cloudfront_url": "https://media.example.com/", "cloudfront_key_id": "K1"}
    signer = await open_signer(settings.model_copy(update=changed), aws)

    url = httpx.URL(await signer.url("variants/m/thumb.webp", Window(1200, 2400)))

    resource = "https://media.example.com/variants/m/thumb.webp"
    assert str(url.copy_with(query=None)) == resource
    assert (url.params["Key-Pair-Id"], url.params["Expires"]) == ("K1", "2400")
    policy = {"Statement": [{"Resource": resource, "Condition": {"DateLessThan": {"AWS:EpochTime": 2400}}}]}
    signature = base64.b64decode(url.params["Signature"].translate(str.maketrans("-_~", "+=/")))
    signed = json.dumps(policy, separators=(",", ":")).encode()
    key.public_key().verify(signature, signed, PKCS1v15(), hashes.SHA1())
    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature, signed.replace(b"2400", b"2500"), PKCS1v15(), hashes.SHA1())
    assert await signer.url("variants/m/thumb.webp", Window(1200, 2400)) == str(url)
    assert await signer.url("variants/m/thumb.webp", Window(1800, 3000)) != str(url)


async def test_a_key_of_another_kind_is_refused_at_the_start(aws, settings) -> None:
    secrets = await aws.client("secretsmanager")
    await secrets.create_secret(Name=settings.resource("cloudfront-key"), SecretString="no key at all")

    with pytest.raises(ValueError, match="PEM"):
        await read_private_key(secrets, settings.resource("cloudfront-key"))
