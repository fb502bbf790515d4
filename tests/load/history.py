"""Pages of history, from conversations that differ only in how long they are: the cost must not.

They are filled by SQL, message and log row alike, as if long ago: the relay has passed what it finds there.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from .figures import Figure, Results, percentile
from .generators import crew
from .stage import Conversation, Stage
from .wire import Gateway, Http, Lost

PAGE = 50
PAGES = 300
WARM_UP = 50
_CHUNK = 100_000
_LONG_AGO = 1  # a transaction id that every relay has passed

_FILL = """
    WITH new AS (
        SELECT c.id AS conversation_id, c.last_seq + n AS seq, c.last_msg_no + n AS msg_no, n,
               m.user_id AS by, m.username AS by_name, now() AS at
        FROM conversations c CROSS JOIN generate_series(1, $2::bigint) n
        JOIN (SELECT user_id, username, row_number() OVER (ORDER BY user_id) AS place
              FROM members WHERE conversation_id = $1) m ON m.place = 1 + n % 2
        WHERE c.id = $1
    ), message AS (
        INSERT INTO messages (conversation_id, seq, msg_no, id, by, client_id, digest, text, created_at)
        SELECT conversation_id, seq, msg_no, gen_random_uuid(), by, gen_random_uuid(), sha256(n::text::bytea),
               'message ' || n || ' of many that were written long ago', at FROM new
    ), entry AS (
        INSERT INTO log (conversation_id, seq, type, at, by, by_name, xid)
        SELECT conversation_id, seq, 'message.created', at, by, by_name, $3 FROM new
    )
    UPDATE conversations SET last_seq = last_seq + $2, last_msg_no = last_msg_no + $2 WHERE id = $1
"""


@dataclass
class Pages:
    """The load: one connection. A round's order is the paths to read; its answer the seconds that each took."""

    gateway: Gateway
    token: str

    async def start(self) -> None:
        """Connect."""
        self._http = await Http.open(self.gateway, self.token)

    async def round(self, paths: Sequence[str]) -> list[float]:
        """Read one page after the other; raises `Lost` for one that is not full."""
        delays = []
        for path in paths:
            before = time.monotonic()
            page = await self._http.ask("GET", path)
            delays.append(time.monotonic() - before)
            if len(page["items"]) != PAGE:
                raise Lost(f"{path} gave {len(page['items'])} messages")
        return delays


async def fill(stage: Stage, conversation: Conversation, messages: int) -> None:
    """Append so many messages to a conversation."""
    passed = await stage.query("SELECT xid FROM relay_positions WHERE xid > $1", _LONG_AGO)
    if not passed:
        raise Lost("the relay has not begun, and would publish what history is filled with")
    for start in range(0, messages, _CHUNK):
        await stage.query(_FILL, conversation.id, min(_CHUNK, messages - start), _LONG_AGO)
    await stage.query("ANALYZE messages, log, conversations")


async def measure(stage: Stage, results: Results, lengths: Sequence[int], rounds: int) -> None:
    """Measure conversations of these lengths in turn, into `results`; the ratio is of the last to the first."""
    chosen = dict(zip(lengths, reversed(stage.conversations), strict=False))
    for length, conversation in chosen.items():
        await fill(stage, conversation, length)
    halves: list[list[float]] = []
    for length, conversation in chosen.items():
        with crew([Pages(stage.gateway, stage.people[conversation.people[0]].access_token)]) as generator:
            generator.round(_paths(conversation, length, WARM_UP))
            told = [generator.round(_paths(conversation, length, PAGES))[0] for _ in range(rounds)]
        halves.append([percentile(delays, 0.5) * 1000 for delays in told])
        tails = [percentile(delays, 0.99) * 1000 for delays in told]
        name = f"history, {PAGE} of {length:,} messages"
        results.add(name, Figure("page, p50", "ms", halves[-1]), Figure("page, p99", "ms", tails))
    ratios = [longest / shortest for longest, shortest in zip(halves[-1], halves[0], strict=True)]
    results.ratios.append(Figure(f"a page of history: {lengths[-1]:,} to {lengths[0]:,} messages", "", ratios))


def _paths(conversation: Conversation, length: int, count: int) -> list[str]:
    """Pages from anywhere in the history."""
    path = f"/v1/conversations/{conversation.id}/messages?limit={PAGE}&before_seq="
    return [f"{path}{random.randint(PAGE + 10, length)}" for _ in range(count)]
