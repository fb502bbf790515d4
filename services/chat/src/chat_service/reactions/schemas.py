"""What the routes of reactions take."""

from typing import Annotated

from fastapi import Path, Query

from messenger_contracts.commands import Emoji

EmojiPath = Annotated[Emoji, Path()]
EmojiQuery = Annotated[Emoji | None, Query(description="This kind alone")]
