"""Whether a process lives, and whether it should get work.

`/livez` answers while the event loop turns. `/readyz` answers 200 when every critical check passes and no drain has
begun; what a service can do without (Valkey, for most) is not critical and is not asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

Check = Callable[[], Awaitable[object]]
CHECK_SECONDS = 2.0


class Health:
    """The state that the two routes report."""

    def __init__(self, checks: Mapping[str, Check] | None = None) -> None:
        self._checks = dict(checks or {})
        self.draining = False

    def require(self, name: str, check: Check) -> None:
        """Add a check without which the process should get no work. It raises when it fails."""
        self._checks[name] = check

    async def failing(self) -> dict[str, str]:
        """The critical checks that fail, with the reason."""
        checks = dict(self._checks)
        results = await asyncio.gather(*map(self._outcome, checks.values()))
        return {name: reason for name, reason in zip(checks, results, strict=True) if reason}

    @staticmethod
    async def _outcome(check: Check) -> str | None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await check()
        except Exception as error:
            return f"{type(error).__name__}: {error}"[:200]
        return None


def health_router() -> APIRouter:
    """The two routes. They take no identity: the load balancer has none."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        """Answer while the event loop turns."""
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz(request: Request) -> JSONResponse:
        """Say whether the process should get work."""
        health: Health = request.app.state.health
        if health.draining:
            return JSONResponse({"status": "draining"}, 503)
        failing = await health.failing()
        if failing:
            return JSONResponse({"status": "failing", "failing": failing}, 503)
        return JSONResponse({"status": "ready"})

    return router
