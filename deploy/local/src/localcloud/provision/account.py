"""Where resources are created: an account, a region, a name's prefix, and clients that speak to them."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

ClientFactory = Callable[[str], Any]

_CONFIG = Config(retries={"mode": "standard"}, connect_timeout=5, read_timeout=30, max_pool_connections=32)
_SESSION = boto3.session.Session()  # shared, because loading the service models is what costs
_SESSION_LOCK = threading.Lock()  # creating a client is not thread-safe, using one is


def connect(
    endpoint_url: str | None, access_key_id: str | None, secret_access_key: str | None, region: str = "us-east-1"
) -> ClientFactory:
    """Return a factory of clients, one of each service, for these credentials."""
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        with _SESSION_LOCK:
            if service not in clients:
                clients[service] = _SESSION.client(
                    service,
                    region_name=region,
                    endpoint_url=endpoint_url,
                    aws_access_key_id=access_key_id,
                    aws_secret_access_key=secret_access_key,
                    config=_CONFIG,
                )
            return clients[service]

    return client


@dataclass(frozen=True)
class Account:
    """An account with its clients, and the names and ARNs of what is in it."""

    clients: ClientFactory
    prefix: str
    account_id: str
    region: str

    def name(self, service: str, resource: str) -> str:
        """Return the name of a resource."""
        return f"{self.prefix}-{service}-{resource}"

    def bucket(self, service: str, resource: str) -> str:
        """Return the name of a bucket, which no other account may have."""
        return f"{self.name(service, resource)}-{self.account_id}"

    def arn(self, kind: str, service: str, resource: str) -> str:
        """Return the ARN of a table, topic, queue, bucket or secret; of a secret, a pattern for its random ending."""
        name = self.name(service, resource)
        at = f"{self.region}:{self.account_id}"
        return {
            "table": f"arn:aws:dynamodb:{at}:table/{name}",
            "topic": f"arn:aws:sns:{at}:{name}",
            "bucket": f"arn:aws:s3:::{self.bucket(service, resource)}",
            "queue": f"arn:aws:sqs:{at}:{name}",
            "secret": f"arn:aws:secretsmanager:{at}:secret:{name}-??????",
        }[kind]


def same_json(left: str | None, right: str | None) -> bool:
    """Tell whether two documents say the same, however they are written."""
    return bool(json.loads(left or "null") == json.loads(right or "null"))
