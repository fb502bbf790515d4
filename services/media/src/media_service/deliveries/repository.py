"""Two ways of delivery: S3's presigned URLs, and CloudFront's signed URLs. A setting decides which.

- https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
- https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
"""

import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from media_service.deliveries.models import Window

REMEMBERED = 20_000
"""How many signatures of a window are kept: with RSA each costs the better part of a millisecond."""
_URL_SAFE = str.maketrans({"+": "-", "=": "_", "/": "~"})
"""CloudFront's own alphabet; not the one of RFC 4648."""


class S3Signer:
    """Presigns requests to S3 as of the start of their window: the SDK's own presigning always says now."""

    def __init__(self, credentials: Callable[[], Awaitable[Any]], *, region: str, bucket_url: str) -> None:
        self._credentials = credentials
        self._region = region
        self._bucket_url = bucket_url

    async def url(self, key: str, window: Window) -> str:
        """The URL of an object: within one window always the same."""
        request = AWSRequest(method="GET", url=f"{self._bucket_url}/{quote(key)}")
        _WindowAuth(await self._credentials(), self._region, window).add_auth(request)
        return str(request.url)


class _WindowAuth(S3SigV4QueryAuth):  # type: ignore[misc]
    """The SDK's signature, dated as it is told."""

    def __init__(self, credentials: Any, region: str, window: Window) -> None:
        super().__init__(credentials, "s3", region, expires=window.seconds)
        self._at = datetime.fromtimestamp(window.start, UTC)

    def add_auth(self, request: AWSRequest) -> None:
        """Put the signature into the query."""
        request.context["timestamp"] = self._at.strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))


class CloudFrontSigner:
    """Signs URLs of a distribution by a canned policy: RSA with SHA-1, which is what CloudFront checks."""

    def __init__(self, url: str, key_id: str, private_key: RSAPrivateKey) -> None:
        self._url = url.rstrip("/")
        self._key_id = key_id
        self._key = private_key
        self._window: Window | None = None
        self._signed: dict[str, str] = {}

    async def url(self, key: str, window: Window) -> str:
        """The URL of an object: within one window always the same."""
        if window != self._window or len(self._signed) >= REMEMBERED:
            self._window, self._signed = window, {}
        if key not in self._signed:
            self._signed[key] = self._sign(f"{self._url}/{quote(key)}", window.expires)
        return self._signed[key]

    def _sign(self, resource: str, expires: int) -> str:
        condition = {"DateLessThan": {"AWS:EpochTime": expires}}
        policy = {"Statement": [{"Resource": resource, "Condition": condition}]}
        text = json.dumps(policy, separators=(",", ":")).encode()
        signature = self._key.sign(text, PKCS1v15(), hashes.SHA1())  # noqa: S303 - CloudFront knows no other
        encoded = base64.b64encode(signature).decode().translate(_URL_SAFE)
        return f"{resource}?Expires={expires}&Signature={encoded}&Key-Pair-Id={self._key_id}"


async def read_private_key(secrets: Any, name: str) -> RSAPrivateKey:
    """The RSA key, in PEM, that a secret holds."""
    key = load_pem_private_key((await secrets.get_secret_value(SecretId=name))["SecretString"].encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{name} holds no RSA key")
    return key
