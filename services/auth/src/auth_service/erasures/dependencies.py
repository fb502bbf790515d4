"""What the erasure routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.audits.service import SecurityLog
from auth_service.erasures.closing import AccountCloser
from auth_service.erasures.repository import ErasureRepository
from auth_service.erasures.service import RECEIPT, ErasureService, Receipts
from auth_service.lockouts.domain import network_of
from auth_service.sessions.service import SessionService
from auth_service.settings import AuthSettings
from auth_service.user_pool.repository import UserPool
from servicekit.aws import Aws
from servicekit.keys import KeyRing, key_ring
from servicekit.tokens import Tokens


async def _erasures(request: Request) -> ErasureService:
    service: ErasureService = request.state.erasures
    return service


async def _network(request: Request) -> str | None:
    """The network that the gateway saw the request come from."""
    return network_of(request.headers.get("x-client-address", "")) or None


Erasures = Annotated[ErasureService, Depends(_erasures)]
CallingNetwork = Annotated[str | None, Depends(_network)]


async def make_erasures(
    settings: AuthSettings, aws: Aws, closer: AccountCloser, sessions: SessionService, pool: UserPool, log: SecurityLog
) -> ErasureService:
    """What people ask to be erased by. Receipts are signed by one half of a key, and read by the other."""

    async def half(name: str) -> KeyRing:
        return await key_ring(aws, settings.resource(f"receipt-{name}"), settings.key_seconds)

    return ErasureService(
        erasures=ErasureRepository(await aws.client("dynamodb"), settings.resource("erasures")),
        closer=closer,
        keepers=list(settings.keepers),
        sessions=sessions,
        pool=pool,
        log=log,
        receipts=Receipts(Tokens(await half("private"), RECEIPT), Tokens(await half("public"), RECEIPT)),
    )
