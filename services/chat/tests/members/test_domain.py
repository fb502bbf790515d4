"""Who may do what to whom, as a table."""

from types import SimpleNamespace

import pytest

from chat_service.conversations.errors import NotGroup, RoleRequired
from chat_service.members.domain import require_may_add, require_may_remove, require_may_set

ROLES = ("member", "admin", "owner")


def member(role: str, kind: str = "group") -> SimpleNamespace:
    return SimpleNamespace(role=role, kind=kind)


def allowed(check, *arguments, **options) -> bool:
    try:
        check(*arguments, **options)
    except RoleRequired:
        return False
    return True


def test_admins_add_members_and_owners_add_anybody() -> None:
    table = {(actor, role) for actor in ROLES for role in ROLES if allowed(require_may_add, member(actor), role)}
    assert table == {("admin", "member"), ("owner", "member"), ("owner", "admin"), ("owner", "owner")}


def test_admins_remove_members_and_owners_remove_anybody() -> None:
    table = {(actor, role) for actor in ROLES for role in ROLES if allowed(require_may_remove, member(actor), role)}
    assert table == {("admin", "member"), ("owner", "member"), ("owner", "admin"), ("owner", "owner")}


def test_only_owners_change_the_role_of_others() -> None:
    changes = [(before, after) for before in ROLES for after in ROLES if before != after]
    for actor in ROLES:
        done = [each for each in changes if allowed(require_may_set, member(actor), *each, own=False)]
        assert done == (changes if actor == "owner" else [])


def test_everybody_may_step_down_and_nobody_up() -> None:
    steps = {
        (own, role) for own in ROLES for role in ROLES if allowed(require_may_set, member(own), own, role, own=True)
    }
    assert steps - {("owner", role) for role in ROLES} == {
        ("admin", "admin"),
        ("admin", "member"),
        ("member", "member"),
    }
    assert {("owner", "owner"), ("owner", "admin"), ("owner", "member")} <= steps


@pytest.mark.parametrize("check", [require_may_add, require_may_remove])
def test_a_direct_conversation_takes_nobody_in_and_loses_nobody(check) -> None:
    with pytest.raises(NotGroup):
        check(member("owner", "direct"), "member")
