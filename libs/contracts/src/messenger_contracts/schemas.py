"""Writes the JSON Schema of every event, so that a diff in ``schemas/`` is seen to be a change of contract.

``python -m messenger_contracts.schemas DIRECTORY`` writes; with ``--check`` it exits 1 and names what differs.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from messenger_contracts.envelope import Event, schema_name, schema_uri
from messenger_contracts.events import ALL


def render(event_type: str) -> str:
    """The JSON Schema of one event type, envelope included, as stable text."""
    envelope: Any = Event.__class_getitem__(ALL[event_type])
    schema = TypeAdapter(envelope).json_schema()
    schema |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": schema_uri(event_type)}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check the folder; returns the exit code."""
    check = "--check" in arguments
    folder = Path(next(argument for argument in arguments if not argument.startswith("-")))
    wanted = {schema_name(event_type): render(event_type) for event_type in ALL}
    found = {path.name: path.read_text() for path in folder.glob("*.json")}
    stale = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if check:
        for name in stale:
            sys.stderr.write(f"{folder / name} is not up to date: run `make generate`\n")
        return 1 if stale else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (folder / name).write_text(wanted[name])
        else:
            (folder / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
