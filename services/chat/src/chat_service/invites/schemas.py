"""What the routes of invites take."""

from pydantic import Field

from messenger_contracts.shapes import Request

MAX_LIFE_SECONDS = 365 * 24 * 3600


class InviteCreate(Request):
    """How long, and how often, the invite shall be good."""

    expires_in: int | None = Field(None, ge=60, le=MAX_LIFE_SECONDS, description="Seconds; null: until it is revoked")
    max_uses: int | None = Field(None, ge=1, le=10_000, description="null: as often as there is room in the group")
