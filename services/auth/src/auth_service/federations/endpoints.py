"""The routes of signing in by a provider. A browser follows them by itself: they answer with redirects."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.responses import RedirectResponse

from auth_service.federations.dependencies import Federations, Flow, give_flow, take_flow
from auth_service.federations.models import Callback, Departure
from auth_service.sessions.dependencies import CallingClient, give_cookies

router = APIRouter(prefix="/v1/auth/oidc", tags=["auth"])
SEE_OTHER = 303
LONGEST = 2048


@router.get("/{provider}/start", status_code=SEE_OTHER, response_class=RedirectResponse)
async def start(
    provider: Annotated[str, Path(pattern="^[a-z0-9_-]{1,32}$", examples=["google"])],
    federations: Federations,
    return_to: Annotated[
        str, Query(min_length=1, max_length=LONGEST, description="A path here, or a URL that the settings allow")
    ] = "/",
) -> Response:
    """Send a browser to a provider. It comes back with a session in its cookie, or with `?error=` at its target."""
    departure = await federations.start(provider, return_to)
    response = RedirectResponse(departure.url, SEE_OTHER)
    give_flow(response, departure.flow)
    return response


@router.get("/callback", status_code=SEE_OTHER, response_class=RedirectResponse)
async def callback(
    federations: Federations,
    flow: Flow,
    client: CallingClient,
    state: Annotated[str, Query(max_length=LONGEST)] = "",
    code: Annotated[str, Query(max_length=LONGEST)] = "",
    error: Annotated[str, Query(max_length=LONGEST)] = "",
) -> Response:
    """Take a browser back from a provider. Good once, within ten minutes, and in the browser that began."""
    outcome = await federations.finish(Callback(state, code, error), flow, client)
    response = RedirectResponse(outcome.url, SEE_OTHER)
    if isinstance(outcome, Departure):
        give_flow(response, outcome.flow)
        return response
    take_flow(response)
    if outcome.begun:
        give_cookies(response, outcome.begun)
    return response


@router.get("/logout", status_code=SEE_OTHER, response_class=RedirectResponse)
async def logout(federations: Federations) -> Response:
    """Have the hosted UI forget the browser, after `sign-out` has ended the session here."""
    return RedirectResponse(federations.logout_url(), SEE_OTHER)
