"""Frames that are read by hand say what the contract reads in them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway_service.sockets.frames import plain_send
from messenger_contracts.realtime import Frame, Send

ACTOR = {"user_id": "u", "username": "ada"}
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
PLAIN = {"id": 7, "op": "send", "d": {"c": "c1", "client_id": ID, "text": "hi"}}

texts = st.one_of(
    st.text(max_size=20), st.text(alphabet="aé👩", min_size=4000, max_size=6000), st.none(), st.integers()
)
frames = st.fixed_dictionaries(
    {"id": st.one_of(st.integers(-1, 3), st.booleans(), st.text(max_size=2)), "op": st.sampled_from(["send", "read"])},
    optional={
        "d": st.fixed_dictionaries(
            {"c": st.one_of(st.text(max_size=3), st.none()), "client_id": st.sampled_from([ID, ID + "\n", "7", None])},
            optional={"text": texts, "mentions": st.just([]), "colour": st.just("red")},
        ),
        "more": st.just(1),
    },
)


@given(frame=frames)
def test_what_is_read_by_hand_is_what_the_contract_reads(frame: dict[str, Any]) -> None:
    command = plain_send(frame, ACTOR)

    try:
        read = Frame.model_validate(frame)
        send = Send.model_validate(read.d) if read.op == "send" else None
    except ValidationError:
        assert command is None
        return
    if command is not None:
        assert send is not None
        body = send.model_dump(mode="json", exclude={"c", "client_id"}, exclude_unset=True)
        assert (command["conversation_id"], command["client_id"], command["body"]) == (send.c, send.client_id, body)


def test_a_plain_send_is_read_by_hand() -> None:
    assert plain_send(PLAIN, ACTOR) == {
        "op": "send",
        "actor": ACTOR,
        "conversation_id": "c1",
        "client_id": ID,
        "body": {"text": "hi"},
    }
