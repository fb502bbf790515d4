"""The routes of sessions."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from auth_service.challenges.schemas import Challenged, SignInTotp
from auth_service.sessions.dependencies import CallingClient, Renewals, Sessions, give_cookies, take_session
from auth_service.sessions.schemas import Me, Refresh, Refreshed, SessionRead, SignedIn, SignIn, SignOut, Ticket
from messenger_contracts.browsers import Renewal, Renewed
from messenger_contracts.pagination import DEFAULT_LIMIT, Page
from servicekit.identity import CallingService, CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

PATH = "/v1/auth"
router = APIRouter(prefix=PATH, tags=["auth"])
internal = APIRouter()


@router.post(
    "/sign-in",
    response_model=SignedIn,
    responses={202: {"model": Challenged, "description": "The password is right, and a code is due: sign-in/totp"}},
)
async def sign_in(wish: SignIn, sessions: Sessions, client: CallingClient, response: Response) -> SignedIn | Response:
    """Begin a session by username or e-mail address. A wrong password and an unknown account answer the same."""
    begun = await sessions.sign_in(wish, client)
    if isinstance(begun, Challenged):
        return Response(begun.model_dump_json(), 202, media_type="application/json")
    give_cookies(response, begun)
    return begun.answer


@router.post("/sign-in/totp")
async def sign_in_totp(wish: SignInTotp, sessions: Sessions, client: CallingClient, response: Response) -> SignedIn:
    """Begin the session that a right password had asked a code for, by the authenticator's or a recovery code."""
    begun = await sessions.sign_in_totp(wish, client)
    give_cookies(response, begun)
    return begun.answer


@router.post("/refresh")
async def refresh(wish: Refresh, renewals: Renewals, client: CallingClient) -> Refreshed:
    """Exchange the refresh token for new tokens. One used again, but for a minute's grace, ends the session."""
    return await renewals.refresh(wish, client)


@internal.post("/browser-sessions")
async def renew(wish: Renewal, renewals: Renewals, client: CallingClient, caller: CallingService) -> Renewed:
    """Give the gateway the next cookies of a browser. A cookie used again ends the session, as a token does."""
    return await renewals.renew(wish, client)


@router.post("/sign-out", status_code=204)
async def sign_out(sessions: Sessions, user: CurrentUser, response: Response, wish: SignOut | None = None) -> None:
    """End this session, or all of them; their live sockets close with 4003."""
    await sessions.sign_out(user, everywhere=bool(wish and wish.everywhere))
    take_session(response)


@router.get("/sessions")
async def list_sessions(
    sessions: Sessions,
    user: CurrentUser,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[SessionRead]:
    """List where one is signed in, the last seen first."""
    page = await sessions.page(user, cursor, limit)
    link_next(response, page, f"{PATH}/sessions", limit)
    return page


@router.delete("/sessions/{session_id}", status_code=204)
async def revoke_session(
    session_id: Annotated[str, Path(min_length=1, max_length=128)],
    sessions: Sessions,
    user: CurrentUser,
    response: Response,
) -> None:
    """End one of one's sessions; its live sockets close with 4003."""
    await sessions.revoke(user, session_id)
    if session_id == user.session_id:
        take_session(response)


@router.get("/me")
async def me(sessions: Sessions, user: CurrentUser) -> Me:
    """Say who is signed in, by what, and until when the access is good at most."""
    return await sessions.me(user)


@router.post("/realtime-ticket")
async def realtime_ticket(sessions: Sessions, user: CurrentUser) -> Ticket:
    """Give a ticket that opens one socket within 30 seconds."""
    return await sessions.ticket(user)
