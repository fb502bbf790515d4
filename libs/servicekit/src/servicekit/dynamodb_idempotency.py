"""Answers to requests with an `Idempotency-Key`, in DynamoDB: a table with hash key `attempt` and TTL `expires_at`.

Where answers are to be forgotten with the person who asked, it has an index `caller`.

The answer's item rides in the transaction of the effect. Of two requests at once both may try, and one commits: the
other gives its answer, so that nobody is ever told to wait.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from servicekit.dynamodb import (
    Transaction,
    count_items,
    delete_items,
    from_item,
    is_condition_failure,
    query_items,
    to_item,
)
from servicekit.errors import ServiceError
from servicekit.idempotency import HOURS_KEPT, Answer, Attempt, Body, KeyMismatch

CALLER_INDEX = "caller"
FORGOTTEN_AT_ONCE = 500
FIRST = " "
"""Below every attempt's name."""


class DynamoIdempotency:
    """Keeps answers in a table."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    async def once(
        self,
        attempt: Attempt,
        shape: type[Body],
        make: Callable[[Transaction], Awaitable[Answer[Body]]],
        *,
        refusals: Mapping[int, type[ServiceError]] | None = None,
    ) -> Answer[Body]:
        """Commit the transaction that `make` fills, or give the answer that the key was given before.

        `refusals` says by which error it is refused when the condition of an item fails, by the item's place in the
        transaction. Raises `KeyMismatch` when the key was another request's.
        """
        if kept := await self._find(attempt, shape):
            return kept
        work = Transaction()
        answer = await make(work)
        place = len(work.items)
        if attempt.key is not None:
            self._keep(work, attempt, answer)
        try:
            await work.commit(self._client)
        except ClientError as error:
            if is_condition_failure(error, place) and (kept := await self._find(attempt, shape)):
                return kept
            for index, refusal in (refusals or {}).items():
                if is_condition_failure(error, index):
                    raise refusal from error
            raise
        return answer

    async def count(self, caller: str) -> int:
        """How many answers to a caller are kept; the index may be behind."""
        return await count_items(self._client, **self._answers_to(caller))

    async def forget(self, caller: str) -> None:
        """Forget what a caller was answered."""
        after = FIRST
        while found := await query_items(self._client, most=FORGOTTEN_AT_ONCE, **self._answers_to(caller, after)):
            await delete_items(self._client, self._table, [{"attempt": row["attempt"]} for row in found])
            after = found[-1]["attempt"]

    def _answers_to(self, caller: str, after: str = FIRST) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "IndexName": CALLER_INDEX,
            "KeyConditionExpression": "caller = :caller AND attempt > :after",
            "ExpressionAttributeValues": to_item({":caller": caller, ":after": after}),
        }

    async def _find(self, attempt: Attempt, shape: type[Body]) -> Answer[Body] | None:
        if attempt.key is None:
            return None
        key = to_item({"attempt": _name(attempt)})
        found = await self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        row = from_item(found.get("Item", {}))
        if not row or row["expires_at"] <= time.time():
            return None
        if row["fingerprint"] != attempt.fingerprint.hex():
            raise KeyMismatch
        return Answer(shape.model_validate_json(row["body"]), row["status"], replayed=True)

    def _keep(self, work: Transaction, attempt: Attempt, answer: Answer[Any]) -> None:
        now = int(time.time())
        row = {
            "attempt": _name(attempt),
            "caller": attempt.caller,
            "fingerprint": attempt.fingerprint.hex(),
            "status": answer.status,
            "body": answer.body.model_dump_json(),
            "expires_at": now + HOURS_KEPT * 3600,
        }
        work.items.append(
            {
                "Put": {
                    "TableName": self._table,
                    "Item": to_item(row),
                    "ConditionExpression": "attribute_not_exists(attempt) OR expires_at <= :now",
                    "ExpressionAttributeValues": to_item({":now": now}),
                }
            }
        )


def _name(attempt: Attempt) -> str:
    """The key of an attempt: of bounded length, and no other caller's."""
    return hashlib.blake2b(f"{attempt.caller}\n{attempt.key}".encode(), digest_size=32).hexdigest()
