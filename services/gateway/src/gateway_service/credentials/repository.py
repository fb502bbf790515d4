"""What a browser's session needs of others: auth, which renews it, and Valkey, which knows what browsers have shown."""

from typing import Any

from gateway_service.credentials.errors import SessionOver
from messenger_contracts.browsers import BrowserSession, Renewal, Renewed
from messenger_contracts.identity import service
from servicekit.errors import DependencyUnavailable
from servicekit.http import ServiceClient
from servicekit.identity import IdentitySigner
from servicekit.telemetry import record_failure
from servicekit.valkey import UNAVAILABLE

PATH = "/internal/browser-sessions"
UNAUTHORIZED = 401
REMEMBERED_SECONDS = 31 * 24 * 3600
"""Longer than any session."""

_RAISE = """
if tonumber(redis.call('GET', KEYS[1]) or 0) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
"""


class BrowserRepository:
    """Renews the sessions of browsers."""

    def __init__(self, auth: ServiceClient, signer: IdentitySigner, valkey: Any, namespace: str) -> None:
        self._auth = auth
        self._signer = signer
        self._valkey = valkey
        self._raise = valkey.register_script(_RAISE)
        self._namespace = namespace

    async def note_used(self, shown: BrowserSession) -> None:
        """Note that a browser has shown a cookie. Where that is lost, a stolen one is noticed later."""
        try:
            await self._raise(keys=[self._key(shown)], args=[shown.generation, REMEMBERED_SECONDS])
        except UNAVAILABLE as error:
            record_failure("credentials", error)

    async def renew(self, shown: BrowserSession, token: str, device: str | None, client: dict[str, str]) -> Renewed:
        """The next cookies; raises `SessionOver`, or `DependencyUnavailable`. `client`: the headers that tell of it.

        Asking twice gives the same session twice, so an answer that is lost on its way is asked for again.
        """
        wish = Renewal(session=token, device=device, used=await self._used(shown))
        answer = await self._auth.request(
            "POST",
            PATH,
            await self._signer.sign(service("gateway")),
            content=wish.model_dump_json().encode(),
            headers={"content-type": "application/json", **client},
            retry=True,
        )
        if answer.status_code == UNAUTHORIZED:
            raise SessionOver
        if not answer.is_success:
            raise DependencyUnavailable("The session cannot be renewed at the moment.")
        return Renewed.model_validate_json(answer.content)

    async def _used(self, shown: BrowserSession) -> int:
        try:
            return int(await self._valkey.get(self._key(shown)) or 0)
        except UNAVAILABLE as error:
            record_failure("credentials", error)
            return 0

    def _key(self, shown: BrowserSession) -> str:
        return f"{self._namespace}:browser:{shown.session_id}"
