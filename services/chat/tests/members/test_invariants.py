"""However people come and go at the same time: the count is right, the log is dense, and somebody owns the group."""

import asyncio
from random import Random

import pytest

STEPS = 120


async def consistent(sql, conversation: str) -> None:
    [row] = await sql(
        """SELECT c.member_count, c.last_seq, c.deleted_at IS NOT NULL AS ended,
                  (SELECT count(*) FROM members m WHERE m.conversation_id = c.id AND m.left_at IS NULL) AS members,
                  (SELECT count(*) FROM members m
                   WHERE m.conversation_id = c.id AND m.left_at IS NULL AND m.role = 'owner') AS owners,
                  (SELECT count(DISTINCT seq) FROM log l WHERE l.conversation_id = c.id) AS places,
                  (SELECT max(seq) FROM log l WHERE l.conversation_id = c.id) AS last
           FROM conversations c WHERE c.id = $1""",
        conversation,
    )
    assert row["member_count"] == row["members"]
    assert row["last_seq"] == row["places"] == row["last"]
    assert (row["owners"] >= 1) is (row["members"] >= 1)
    assert row["ended"] is (row["members"] == 0)


async def told(sql, conversation: str) -> dict[str, str]:
    """The members and their roles, as the log alone tells them."""
    present: dict[str, str] = {}
    for row in await sql(
        """SELECT type, data ->> 'user_id' AS user_id, data ->> 'role' AS role, data ->> 'deleted' AS deleted
           FROM log WHERE conversation_id = $1 ORDER BY seq""",
        conversation,
    ):
        if row["type"] == "member.left":
            del present[row["user_id"]]
        elif row["type"] == "member.joined":
            assert row["user_id"] not in present
            present[row["user_id"]] = row["role"]
        elif row["type"] == "member.role":
            assert present[row["user_id"]] != row["role"]
            present[row["user_id"]] = row["role"]
        elif row["deleted"] == "true":
            present.clear()
    return present


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_people_do_at_once(people, group_of, members_of, sql, seed) -> None:
    random = Random(seed)
    crowd = await people("ada", "bob", "cleo", "dan", "eve", "fay")
    c = await group_of(*crowd[:3])
    members = members_of(c)

    async def step() -> int:
        actor, other = random.choice(crowd), random.choice(crowd)
        what = random.choice(["put", "put", "role", "leave", "remove", "many"])
        if what == "many":
            return (await members.put_all(actor, *dict.fromkeys(random.choices(crowd, k=3)))).status_code
        if what in ("put", "role"):
            role = random.choice(["member", "admin", "owner"]) if what == "role" else None
            return (await members.put(actor, other, role)).status_code
        return await members.remove(actor, actor if what == "leave" else other)

    for _ in range(STEPS // 12):
        statuses = await asyncio.gather(*(step() for _ in range(12)))
        assert set(statuses) <= {200, 201, 204, 403, 404, 409}
        await consistent(sql, c)
    rows = await sql("SELECT user_id, role FROM members WHERE conversation_id = $1 AND left_at IS NULL", c)
    assert {row["user_id"]: row["role"] for row in rows} == await told(sql, c)
