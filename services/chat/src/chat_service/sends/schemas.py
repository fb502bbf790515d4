"""What the route of sending takes."""

from typing import Annotated

from fastapi import Path

from messenger_contracts.commands import UUID_PATTERN

OwnIdPath = Annotated[str, Path(pattern=UUID_PATTERN, description="A UUID that the sender chose")]
