"""Events that were published stay readable: by their samples, and by their released schemas.

`samples` holds one payload a type as it once went over the wire, and `released` the schema that consumers out there
were built on. Neither is ever changed; a new type adds a file to each.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from messenger_contracts import schemas
from messenger_contracts.envelope import Event
from messenger_contracts.events import ALL

HERE = Path(__file__).parent
LIMITS = {
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "format", "const"),
    *("minItems", "maxItems", "uniqueItems"),
}
Schema = dict[str, Any]


def _load(folder: str, event_type: str) -> Schema:
    content: Schema = json.loads((HERE / folder / f"{event_type}.json").read_text())
    return content


def _parse(event_type: str, payload: Schema) -> Event[Any]:
    envelope: Any = Event.__class_getitem__(ALL[event_type])
    event: Event[Any] = envelope.model_validate_json(json.dumps(payload))
    return event


def narrowings(old: Schema, new: Schema) -> list[str]:
    """Where `new` refuses or loses something that `old` describes."""
    return list(_Comparison(old.get("$defs", {}), new.get("$defs", {})).compare("", old, new))


class _Comparison:
    def __init__(self, old_definitions: Schema, new_definitions: Schema) -> None:
        self._old = old_definitions
        self._new = new_definitions

    def compare(self, at: str, old: Schema, new: Schema) -> Iterator[str]:
        old, new = _resolve(old, self._old), _resolve(new, self._new)
        if not new.keys() & {"type", "anyOf", "enum", "const"}:
            return
        options = new.get("anyOf")
        if options and "anyOf" not in old:
            if all(list(self.compare(at, old, option)) for option in options):
                yield f"{at}: no option takes what was taken"
            return
        for option in old.get("anyOf", []):
            yield from self.compare(at, option, new)
        if "anyOf" not in old:
            yield from self._compare_one(at, old, new)

    def _compare_one(self, at: str, old: Schema, new: Schema) -> Iterator[str]:
        yield from _narrower_values(at, old, new)
        yield from self._compare_members(at, old.get("properties", {}), new.get("properties", {}))
        demanded = set(new.get("required", [])) - set(old.get("required", []))
        yield from (f"{at}/{name}: required now" for name in sorted(demanded))
        for inner in ("items", "additionalProperties"):
            if isinstance(old.get(inner), dict) and isinstance(new.get(inner), dict):
                yield from self.compare(f"{at}/*", old[inner], new[inner])

    def _compare_members(self, at: str, old: Schema, new: Schema) -> Iterator[str]:
        yield from (f"{at}/{name}: gone" for name in old.keys() - new.keys())
        for name in old.keys() & new.keys():
            yield from self.compare(f"{at}/{name}", old[name], new[name])


def _narrower_values(at: str, old: Schema, new: Schema) -> Iterator[str]:
    kinds = (old.get("type"), new.get("type"))
    if kinds[0] != kinds[1] and kinds != ("integer", "number"):
        yield f"{at}: {kinds[0]} became {kinds[1]}"
    if "enum" in new and not set(old.get("enum", [old.get("const", object())])) <= set(new["enum"]):
        yield f"{at}: a value is gone"
    for limit in sorted(LIMITS & new.keys()):
        if new[limit] != old.get(limit):
            yield f"{at}: {limit} is new"


def _resolve(schema: Schema, definitions: Schema) -> Schema:
    reference = schema.get("$ref")
    return _resolve(definitions[reference.rpartition("/")[2]], definitions) if reference else schema


@pytest.mark.parametrize("event_type", ALL)
def test_what_was_published_once_still_parses(event_type: str) -> None:
    sample = _load("samples", event_type)

    event = _parse(event_type, sample)

    assert _holds(event.model_dump(mode="json"), sample)


def _holds(whole: Any, part: Any) -> bool:
    """Whether everything that `part` says is in `whole`, which may say more."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and _holds(whole[name], part[name]) for name in part)
    return bool(whole == part)


@pytest.mark.parametrize("event_type", ALL)
def test_a_field_from_the_future_does_not_disturb(event_type: str) -> None:
    sample = _load("samples", event_type)
    sample["data"]["from_the_future"] = {"and": "more"}

    assert _parse(event_type, sample).type == event_type


@pytest.mark.parametrize("event_type", ALL)
def test_a_schema_only_grows(event_type: str) -> None:
    assert narrowings(_load("released", event_type), json.loads(schemas.render(event_type))) == []


@pytest.mark.parametrize("folder", ["samples", "released"])
def test_every_type_is_kept_for_ever(folder: str) -> None:
    assert {path.stem for path in (HERE / folder).iterdir()} == ALL.keys()


def _properties(schema: Schema) -> Schema:
    data: Schema = schema["$defs"]["MemberJoined"]["properties"]
    return data


def _remove(schema: Schema) -> None:
    del _properties(schema)["role"]


def _require(schema: Schema) -> None:
    schema["$defs"]["MemberJoined"]["required"].append("reason")


def _retype(schema: Schema) -> None:
    _properties(schema)["role"] = {"type": "integer"}


def _limit(schema: Schema) -> None:
    _properties(schema)["role"] = {"type": "string", "maxLength": 5}


def _enumerate(schema: Schema) -> None:
    _properties(schema)["role"] = {"type": "string", "enum": ["member"]}


def _forbid_null(schema: Schema) -> None:
    schema["properties"]["traceparent"] = {"type": "string"}


@pytest.mark.parametrize("change", [_remove, _require, _retype, _limit, _enumerate, _forbid_null])
def test_a_break_is_seen(change: Callable[[Schema], None]) -> None:
    old, new = (_load("released", "chat.member.joined.v1") for _ in range(2))

    change(new)

    assert len(narrowings(old, new)) == 1


def _add_optional(schema: Schema) -> None:
    _properties(schema)["reason"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}


def _allow_null(schema: Schema) -> None:
    _properties(schema)["role"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def _rename_definition(schema: Schema) -> None:
    schema["$defs"]["Person"] = schema["$defs"].pop("Actor")
    _properties(schema)["actor"] = {"$ref": "#/$defs/Person"}


@pytest.mark.parametrize("change", [_add_optional, _allow_null, _rename_definition])
def test_growth_is_no_break(change: Callable[[Schema], None]) -> None:
    old, new = (_load("released", "chat.member.joined.v1") for _ in range(2))

    change(new)

    assert narrowings(old, new) == []


def test_the_generator_writes_what_it_checks(tmp_path: Path) -> None:
    (tmp_path / "chat.gone.v1.json").write_text("{}")

    assert schemas.main(["--check", str(tmp_path)]) == 1
    assert schemas.main([str(tmp_path)]) == 0
    assert schemas.main(["--check", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.iterdir()} == ALL.keys()
