"""Which version of a secret is current, as Secrets Manager says."""

from typing import Any

from botocore.exceptions import ClientError

NOT_FOUND = "ResourceNotFoundException"


class VersionRepository:
    """Reads versions of secrets, and never more than that of them."""

    def __init__(self, secrets_manager: Any, prefix: str) -> None:
        self._manager = secrets_manager
        self._prefix = prefix

    async def successor(self, secret: str) -> str | None:
        """The id of the current version, if it has a predecessor: the first one came with the secret."""
        if await self._version(secret, "AWSPREVIOUS") is None:
            return None
        return await self._version(secret, "AWSCURRENT")

    async def _version(self, secret: str, stage: str) -> str | None:
        try:
            found = await self._manager.get_secret_value(SecretId=f"{self._prefix}-{secret}", VersionStage=stage)
        except ClientError as error:
            if error.response["Error"]["Code"] == NOT_FOUND:
                return None
            raise
        return str(found["VersionId"])
