"""What the routes of albums take."""

from typing import Annotated, Literal, Self

from fastapi import Path
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from messenger_contracts.shapes import Request
from messenger_contracts.texts import one_line

MOST_PEOPLE = 45
"""With how many an album may be shared: all of them change in one transaction, which takes a hundred items."""
AlbumPath = Annotated[str, Path(max_length=64)]
PersonPath = Annotated[str, Path(max_length=128)]
Title = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^#]+$")]


class Share(Request):
    """Some people, and what they may do in the album."""

    user_ids: list[UserId] = Field(max_length=MOST_PEOPLE)
    role: Literal["viewer", "contributor"] = "viewer"


class _Shared(Request):
    shared: list[Share] | None = Field(None, max_length=MOST_PEOPLE)

    @model_validator(mode="after")
    def _few_people(self) -> Self:
        if len(self.people) > MOST_PEOPLE:
            raise ValueError(f"an album can be shared with at most {MOST_PEOPLE} people")
        return self

    @property
    def people(self) -> dict[str, str]:
        """Each person's role; the last word on a person counts."""
        return {user_id: share.role for share in self.shared or [] for user_id in share.user_ids}


class AlbumCreate(_Shared):
    """A new album."""

    title: Title


class AlbumPatch(_Shared):
    """What may be changed; what is absent stays. `shared` is all of it: who is not named is out."""

    title: Title | None = None
