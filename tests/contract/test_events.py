"""Each consumer parses what each publisher emits, and asks only for what is published."""

from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from messenger_contracts.envelope import Event
from messenger_contracts.events import ALL
from servicekit.inbox import parse_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)

TO_COME = {"social-graph"}
"""Publishers whose events are agreed on, and heard, before they are there: their topics are made for those who hear."""


def _models(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    return st.builds(model, **{name: _values(field.annotation) for name, field in model.model_fields.items()})


def _values(annotation: Any) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return JSON
    if annotation is float:
        return st.floats(allow_nan=False, allow_infinity=False)  # JSON has no others
    if origin is Annotated:
        return _values(arguments[0])
    if origin is list:
        return st.lists(_values(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(st.text(), _values(arguments[1]), max_size=3)
    if origin in (Union, UnionType):
        return st.one_of(*map(_values, arguments))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _models(annotation)
    return st.from_type(annotation)


@cache
def _events(event_type: str) -> st.SearchStrategy[Event[Any]]:
    envelope: Any = Event.__class_getitem__(ALL[event_type])
    return _models(envelope).map(lambda event: event.model_copy(update={"type": event_type}))


@pytest.mark.parametrize("event_type", ALL)
@given(data=st.data())
def test_what_is_published_is_parsed(event_type: str, data: st.DataObject) -> None:
    event = data.draw(st.deferred(lambda: _events(event_type)))

    received = parse_event(event.model_dump_json())

    assert type(received.data) is ALL[event_type]
    assert received.model_dump(mode="json") == event.model_dump(mode="json")


def test_consumers_ask_only_for_what_exists(subscriptions: list[Mapping[str, Any]]) -> None:
    unknown = {name for subscription in subscriptions for name in subscription["types"]} - ALL.keys()

    assert unknown == set()


def test_consumers_ask_the_publisher(subscriptions: list[Mapping[str, Any]], topics: set[tuple[str, str]]) -> None:
    for subscription in subscriptions:
        publisher = subscription["service"]
        assert (publisher, subscription["topic"]) in topics or publisher in TO_COME
        assert {name.partition(".")[0].replace("_", "-") for name in subscription["types"]} == {publisher}


def test_every_type_has_a_publisher(topics: set[tuple[str, str]]) -> None:
    publishers = {name.partition(".")[0].replace("_", "-") for name in ALL}

    assert publishers - TO_COME == {service for service, _ in topics}
