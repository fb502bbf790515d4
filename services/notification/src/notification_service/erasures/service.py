"""How notification forgets a person.

What others were told of what the person did goes too: a notification quotes the message. To erase again is harmless,
and what the index did not show yet is found then: auth asks until nothing is left.
"""

from messenger_contracts.personal_data import Remains
from notification_service.erasures.repository import ErasureRepository

MOST_ROUNDS = 10_000
"""The index goes on showing for a moment what is deleted: an end to waiting for it."""


class ErasureService:
    """Forgets people, and tells what is left of them."""

    def __init__(self, repository: ErasureRepository) -> None:
        self._repository = repository

    async def erase(self, user_id: str) -> None:
        """Forget a person."""
        for _ in range(MOST_ROUNDS):
            if not await self._repository.erase(user_id):
                return

    async def left(self, user_id: str) -> Remains:
        """What is left of a person, counted afresh."""
        return Remains(left=await self._repository.left(user_id))
