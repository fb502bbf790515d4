"""What the route of search takes."""

from typing import Annotated

from fastapi import Query

from messenger_contracts.shapes import Timestamp

NO_NUL = r"^[^\x00]*$"

WordsQuery = Annotated[
    str,
    Query(
        min_length=1,
        max_length=256,
        pattern=NO_NUL,
        description='Words that the text has. `"…"` holds words together, `-` excludes one, `or` stands between two; '
        "the last word may be a beginning",
    ),
]
ConversationQuery = Annotated[str | None, Query(max_length=64, description="Only in this conversation")]
FromQuery = Annotated[
    str | None, Query(alias="from", max_length=128, pattern=NO_NUL, description="Only by this person")
]
BeforeQuery = Annotated[Timestamp | None, Query(description="Only what was sent before")]
