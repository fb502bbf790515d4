"""Seals what a device keeps, and opens it."""

from auth_service.devices.domain import new_device
from messenger_contracts.browsers import DEVICE_SECONDS, KnownDevice
from servicekit.errors import Unauthenticated
from servicekit.tokens import Tokens


class DeviceService:
    """Reads and writes the tokens of devices."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def open(self, token: str | None) -> KnownDevice:
        """The device of a token; a new one for what is no token of ours, or one too old."""
        if not token:
            return new_device()
        try:
            return KnownDevice.model_validate(await self._tokens.read(token))
        except Unauthenticated:
            return new_device()

    async def seal(self, device: KnownDevice) -> str:
        """The token of a device."""
        return await self._tokens.make(device.model_dump(), DEVICE_SECONDS)

    async def seal_again(self, token: str | None, user_id: str) -> str | None:
        """A person's device under the present key, so that one in use is never forgotten; None for any other."""
        device = await self.open(token)
        return await self.seal(device) if user_id in device.people else None
