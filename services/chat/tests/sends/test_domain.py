"""Planning a group: dense, in order of arrival, once each."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from chat_service.log.domain import to_log_event
from chat_service.sends.domain import Head, Known, Send, Stored, digest, live_event, plan
from messenger_contracts.commands import MessageCreate, SendCommand, Sent
from messenger_contracts.problem import ErrorCode
from messenger_contracts.shapes import format_timestamp

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOMS = [str(UUID(int=1)), str(UUID(int=2))]
MEMBERS = {ROOMS[0]: {"ada", "bob"}, ROOMS[1]: {"ada"}}

sends = st.lists(
    st.builds(
        lambda room, user, number, text: Send(
            room, user, user, str(UUID(int=number)), text, digest(MessageCreate(text=text))
        ),
        st.sampled_from([*ROOMS, str(UUID(int=3))]),
        st.sampled_from(["ada", "bob"]),
        st.integers(0, 8),
        st.sampled_from(["x", "y"]),
    ),
    max_size=40,
)


def run(group: list[Send], heads: dict[str, Head], known: dict[tuple, Stored]):
    members = {place for place, send in enumerate(group) if send.user_id in MEMBERS.get(send.conversation_id, ())}
    stored = {place: known[send.key] for place, send in enumerate(group) if send.key in known}
    planned = plan(group, heads, Known(members, stored), NOW)
    known |= {send.key: message for send, message in planned.new}
    return planned


@given(st.lists(sends, max_size=5))
def test_groups_make_dense_logs_whatever_they_hold(groups) -> None:
    heads, known, order = {room: Head("e", 2, 0) for room in ROOMS}, {}, {room: [] for room in ROOMS}
    for group in groups:
        planned = run(group, heads, known)
        assert len(planned.answers) == len(group)
        for send, message in planned.new:
            order[send.conversation_id].append((message.seq, message.msg_no))
    for room in ROOMS:
        assert order[room] == [(n + 2, n) for n in range(1, len(order[room]) + 1)]
        assert (heads[room].last_seq, heads[room].last_msg_no) == (2 + len(order[room]), len(order[room]))


@given(sends, sends)
def test_every_answer_is_the_message_of_its_key_or_says_why_not(first, second) -> None:
    heads, known = {room: Head("e", 0, 0) for room in ROOMS}, {}
    for group in (first, second):
        for send, answer in zip(group, run(group, heads, known).answers, strict=True):
            if isinstance(answer, Sent):
                message = known[send.key]
                assert (answer.id, answer.seq) == (message.id, message.seq)
                assert message.digest == send.digest
            elif send.user_id in MEMBERS.get(send.conversation_id, ()):
                assert answer.code is ErrorCode.IDEMPOTENCY_MISMATCH
                assert known[send.key].digest != send.digest
            else:
                assert answer.code is ErrorCode.NOT_MEMBER


def test_a_live_event_is_what_the_log_will_show() -> None:
    send = Send(ROOMS[0], "ada", "Ada", str(UUID(int=9)), "hi", b"")
    message = Stored(str(UUID(int=7)), 3, 1, b"", NOW)

    class Row:
        message_id, client_id, message_seq, msg_no = message.id, send.client_id, 3, 1
        conversation_id = message_conversation = send.conversation_id
        author, text, created_at, thread_count = "ada", "hi", NOW, 0
        reply_to = thread_root = mentions = media = previews = reactions = edited_at = deleted_at = expires_at = None
        seq, epoch, type, at, by, data, audience = 3, "e", "message.created", NOW, "ada", None, None

    assert live_event(send, message, "e", format_timestamp(NOW)) == to_log_event(Row()).model_dump(mode="json")


@given(
    st.fixed_dictionaries(
        {
            "op": st.just("send"),
            "actor": st.fixed_dictionaries({"user_id": st.sampled_from(["u", 7]), "username": st.just("ada")}),
            "conversation_id": st.sampled_from([ROOMS[0], ROOMS[0].upper(), "no-id", ROOMS[0] + "\n"]),
            "client_id": st.sampled_from([ROOMS[1], "x"]),
            "body": st.one_of(
                st.fixed_dictionaries({"text": st.one_of(st.text(max_size=5), st.none(), st.just(" "))}),
                st.just({"text": "hi", "colour": "red"}),
                st.just({"text": "hi", "mentions": []}),
            ),
        }
    )
)
def test_a_plain_send_is_read_as_the_models_read_it(command) -> None:
    plain = Send.plain(command)
    if plain is not None:
        assert plain == Send.of(SendCommand.model_validate(command))
