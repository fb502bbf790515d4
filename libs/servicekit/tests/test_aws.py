"""The SDK that is installed is the one that we mean, and its failures are told apart."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import httpx
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from fastapi import FastAPI

from servicekit.aws import Aws
from servicekit.errors import install_error_handlers
from servicekit.middleware import RequestContext
from servicekit.telemetry import Tracing


def _refusal(code: str, status: int) -> ClientError:
    response = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetItem")  # type: ignore[arg-type]


def test_the_sdk_is_a_present_one() -> None:
    """Beside newer users of boto3 a resolver falls back to aioboto3 7, of 2020, without a word."""
    assert tuple(map(int, version("aioboto3").split(".")[:2])) >= (15, 5)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (_refusal("ThrottlingException", 400), 503),
        (_refusal("ProvisionedThroughputExceededException", 400), 503),
        (_refusal("InternalServerError", 500), 503),
        (EndpointConnectionError(endpoint_url="http://nowhere"), 503),
        (_refusal("ValidationException", 400), 500),
        (_refusal("AccessDeniedException", 400), 500),
    ],
    ids=str,
)
async def test_an_aws_that_is_away_is_told_from_a_mistake_of_ours(error: Exception, status: int) -> None:
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/")
    async def ask() -> None:
        raise error

    app.add_middleware(RequestContext, tracing=Tracing(0.0))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/")

    assert (answer.status_code, answer.json()["retryable"]) == (status, True)


@pytest.fixture
def self_signed(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1, which nobody but itself has signed."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "self-signed.pem"
    path.write_bytes(private + certificate.public_bytes(encoding))
    return path


class _Taking(BaseHTTPRequestHandler):
    """Takes every call."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Write nothing to the test's own output."""


@pytest.fixture
def impostor(self_signed: Path) -> Iterator[str]:
    """An AWS for which no authority vouches."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(self_signed)
    with HTTPServer(("127.0.0.1", 0), _Taking) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


@pytest.mark.parametrize("is_trusted", [False, True])
async def test_only_a_server_whose_certificate_is_trusted_is_spoken_to(
    aws_account, impostor, self_signed, monkeypatch, is_trusted
) -> None:
    if is_trusted:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(self_signed))
    async with Aws("us-east-1") as aws:
        queues = await aws.client("sqs", impostor)
        if is_trusted:
            assert (await queues.list_queues())["ResponseMetadata"]["HTTPStatusCode"] == 200
        else:
            with pytest.raises(SSLError, match="self-signed certificate"):
                await queues.list_queues()
