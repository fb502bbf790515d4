"""The system in containers, used as people use it, and treated as machines treat it."""

import asyncio
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from messenger_contracts.notifications import Notification
from messengerctl.client import Client, Unreachable
from messengerctl.client.socket import open_socket
from messengerctl.suite import until
from messengerctl.traffic import meet
from servicekit.testing import eventually

INSIDE = "messenger-test_inside"

pytestmark = pytest.mark.container


async def test_two_people_talk_by_socket_and_by_put(speakers: Any) -> None:
    async with meet(*speakers) as meeting:
        await meeting.talk(20, pace=0.01)
        client, _ = speakers[0]
        put = await client.put_message(meeting.conversation_id, str(uuid4()), "by PUT")
        await until(lambda: meeting.speakers[1].session.positions[meeting.conversation_id] >= put.seq, "PUT unheard")
        await meeting.caught_up()

        assert meeting.same_and_dense


async def _inbox(client: Client) -> list[Notification]:
    return (await client.notifications()).items


async def test_one_is_notified_of_a_message(speakers: Any) -> None:
    (sender, _), (reader, person) = speakers
    conversation = await sender.converse(person.user_id)
    message = await sender.put_message(conversation.id, str(uuid4()), "did you hear?")

    (notification,) = await eventually(partial(_inbox, reader), seconds=30)

    assert (notification.subject.c, notification.subject.seq) == (conversation.id, message.seq)


def test_containers_have_no_more_rights_than_they_need(stack: Any) -> None:
    lacking = {
        name: host
        for name, known in stack.containers().items()
        if not (
            (host := known["HostConfig"])["ReadonlyRootfs"]
            and host["CapDrop"] == ["ALL"]
            and "no-new-privileges:true" in host["SecurityOpt"]
            and host["Memory"] > 0
        )
    }

    assert lacking == {}


def test_only_the_gateway_can_be_reached_and_only_from_this_machine(stack: Any) -> None:
    published = {
        name: known["NetworkSettings"]["Ports"]
        for name, known in stack.containers().items()
        if any((known["NetworkSettings"]["Ports"] or {}).values())
    }

    assert published == {"gateway": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(stack.port)}]}}


def test_what_is_inside_has_no_way_out(stack: Any) -> None:
    outside = {
        name
        for name, known in stack.containers().items()
        if "messenger-test_edge" in known["NetworkSettings"]["Networks"]
    }

    assert outside == {"gateway"}
    assert stack.docker("network", "inspect", "--format", "{{.Internal}}", "messenger-test_inside").strip() == "true"


def test_a_service_knows_its_own_secrets_alone(stack: Any) -> None:
    names = stack.compose("exec", "-T", "notification", "sh", "-c", "ls /run; env; cat /run/environment")

    assert "NOTIFICATION_VALKEY_URL" in names
    assert "CHAT_DATABASE_URL" not in names


async def test_a_gateway_that_is_stopped_closes_its_sockets_as_the_protocol_says(stack: Any, speakers: Any) -> None:
    client, _ = speakers[0]
    pushed: list[str] = []
    async with open_socket(stack.gateway, await client.access_token(), lambda op, _: pushed.append(op)) as socket:
        reading = asyncio.create_task(socket.read())
        await socket.ask("hello", {"positions": {}})
        await asyncio.to_thread(stack.compose, "stop", "gateway")
        await reading

        assert socket.close_code == 4000
    assert "drain" in pushed
    assert stack.containers()["gateway"]["State"]["ExitCode"] == 0
    await stack.start_again("gateway")


async def test_a_killed_chat_loses_nothing_that_was_acknowledged(stack: Any, speakers: Any) -> None:
    async with meet(*speakers) as meeting:
        talking = asyncio.create_task(meeting.talk(100, pace=0.02))
        await until(lambda: meeting.acknowledged >= 20, "nobody was heard")
        await asyncio.to_thread(stack.compose, "kill", "--signal", "KILL", "chat")
        await stack.start_again("chat")
        await talking
        await meeting.caught_up()

        assert meeting.acknowledged == 100
        assert meeting.same_and_dense
        assert {len(sending.arrivals) for sending in meeting.sendings.values()} == {1}


async def test_all_ends_well_and_comes_back_with_what_it_knew(stack: Any, speakers: Any) -> None:
    (sender, _), (reader, person) = speakers
    conversation = await sender.converse(person.user_id)
    message = await sender.put_message(conversation.id, str(uuid4()), "until tomorrow")

    await asyncio.to_thread(stack.compose, "stop")
    endings = {name: known["State"]["ExitCode"] for name, known in stack.containers().items()}
    with pytest.raises(Unreachable):
        await reader.messages(conversation.id)
    await asyncio.to_thread(stack.up)
    await reader.refresh()
    page = await reader.messages(conversation.id)

    assert set(endings.values()) == {0}, endings
    assert [one.id for one in page.items] == [message.id]
