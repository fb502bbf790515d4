"""The routes of signing in by a provider. Browsers follow their redirects; a page of ours asks those of the proof."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.responses import RedirectResponse

from auth_service.federations.dependencies import (
    Federations,
    Flow,
    Proof,
    Proofs,
    give_flow,
    give_proof,
    take_flow,
    take_proof,
)
from auth_service.federations.models import Callback, Departure
from auth_service.federations.schemas import AddressProof, Proved
from auth_service.lockouts.domain import network_of
from auth_service.sessions.dependencies import CallingClient, give_cookies

router = APIRouter(prefix="/v1/auth/oidc", tags=["auth"])
SEE_OTHER = 303
LONGEST = 2048
LONGEST_TARGET = 1536
"""It travels in a cookie, sealed, beside an identity: browsers keep 4096 bytes (RFC 6265, 6.1)."""


@router.get("/{provider}/start", status_code=SEE_OTHER, response_class=RedirectResponse)
async def start(
    provider: Annotated[str, Path(pattern="^[a-z0-9_-]{1,32}$", examples=["google"])],
    federations: Federations,
    return_to: Annotated[
        str, Query(min_length=1, max_length=LONGEST_TARGET, description="A path here, or a URL that the settings allow")
    ] = "/",
) -> Response:
    """Send a browser to a provider. It comes back to its target with a session, or with `?proof=` or `?error=`."""
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
    if outcome.proof:
        give_proof(response, outcome.proof)
    if outcome.begun:
        give_cookies(response, outcome.begun)
    return response


@router.post("/proof")
async def prove(wish: AddressProof, proofs: Proofs, proof: Proof, client: CallingClient, response: Response) -> Proved:
    """Prove by the mailed code an address that a provider does not vouch for, in the browser that came from there."""
    continue_url = await proofs.finish(proof, wish.code, network_of(client.address))
    take_proof(response)
    return Proved(continue_url=continue_url)


@router.post("/proof/resend", status_code=204)
async def resend_proof(proofs: Proofs, proof: Proof, response: Response) -> None:
    """Mail another code for the address, in the place of the one before."""
    give_proof(response, await proofs.resend(proof))


@router.get("/logout", status_code=SEE_OTHER, response_class=RedirectResponse)
async def logout(federations: Federations) -> Response:
    """Have the hosted UI forget the browser, after `sign-out` has ended the session here."""
    return RedirectResponse(federations.logout_url(), SEE_OTHER)
