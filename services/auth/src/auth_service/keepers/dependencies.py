"""What asks the other services, put together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from auth_service.keepers.service import Keepers
from auth_service.settings import AuthSettings
from servicekit.aws import Aws
from servicekit.http import ServiceClient
from servicekit.identity import service_signer


@asynccontextmanager
async def open_keepers(settings: AuthSettings, aws: Aws) -> AsyncIterator[Keepers]:
    """The services that keep data of people, with connections of their own."""
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(ServiceClient(name, url)) for name, url in settings.keepers.items()
        }
        yield Keepers(clients, await service_signer(aws, settings))
