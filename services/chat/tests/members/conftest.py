"""What tests of members ask for."""

from typing import Any

import pytest


class Members:
    """The members of one group, as a person asks about them and changes them."""

    def __init__(self, conversation: str) -> None:
        self.path = f"/v1/conversations/{conversation}/members"

    async def put(self, who, person, role: str | None = None):
        user_id = person if isinstance(person, str) else person.id
        options = {"json": {"role": role}} if role else {}
        return await who.request("PUT", f"{self.path}/{user_id}", **options)

    async def put_all(self, who, *people):
        body = {"user_ids": [each if isinstance(each, str) else each.id for each in people]}
        return await who.request("PUT", self.path, json=body)

    async def remove(self, who, person) -> int:
        return (await who.request("DELETE", f"{self.path}/{person.id}")).status_code

    async def roles(self, who) -> dict[str, str]:
        answer = await who.get(self.path, limit=200)
        assert answer.status_code == 200, answer.text
        return {member["username"]: member["role"] for member in answer.json()["items"]}


@pytest.fixture
def members_of() -> Any:
    """Gives the members of a group, by its id."""
    return Members
