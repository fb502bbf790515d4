"""The routes of sessions."""

from fastapi import APIRouter

from auth_service.sessions.dependencies import Sessions
from auth_service.sessions.schemas import Me, Refresh, Refreshed, SignedIn, SignIn, SignOut, Ticket
from servicekit.identity import CurrentUser

router = APIRouter(prefix="/v1/auth", tags=["auth"])


@router.post("/sign-in")
async def sign_in(wish: SignIn, sessions: Sessions) -> SignedIn:
    """Begin a session by username or e-mail address. A wrong password and an unknown account answer the same."""
    return await sessions.sign_in(wish)


@router.post("/refresh")
async def refresh(wish: Refresh, sessions: Sessions) -> Refreshed:
    """Exchange the refresh token for new tokens. One used again, but for a minute's grace, ends the session."""
    return await sessions.refresh(wish.refresh_token)


@router.post("/sign-out", status_code=204)
async def sign_out(sessions: Sessions, user: CurrentUser, wish: SignOut | None = None) -> None:
    """End this session, or all of them; their live sockets close with 4003."""
    await sessions.sign_out(user, everywhere=bool(wish and wish.everywhere))


@router.get("/me")
async def me(sessions: Sessions, user: CurrentUser) -> Me:
    """Say who is signed in, and until when the access token is good at most."""
    return await sessions.me(user)


@router.post("/realtime-ticket")
async def realtime_ticket(sessions: Sessions, user: CurrentUser) -> Ticket:
    """Give a ticket that opens one socket within 30 seconds."""
    return await sessions.ticket(user)
