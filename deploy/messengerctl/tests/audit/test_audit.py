"""The audit is silent when all is well, and names every kind of damage."""

import json

from messengerctl.audit import Fault, Finding, Place, audit


async def findings(stores) -> list[Finding]:
    return (await audit(stores.suite, seconds=0)).findings


async def test_all_is_well(stores):
    report = await audit(stores.suite, seconds=0)
    assert report.clean
    of_chat = {"conversations": 1, "events": 7, "messages": 5, "ledger": 5, "inbox": 5}
    assert report.counts == {**of_chat, "files": 0, "objects": 0}


async def test_a_hole_in_the_log(stores):
    await stores.sql.execute("DELETE FROM log WHERE seq = 1")
    assert Finding(Place.LOG, Fault.MISSING, stores.event(1)) in await findings(stores)


async def test_a_lost_message(stores):
    await stores.sql.execute("DELETE FROM messages WHERE seq = 4")
    assert await findings(stores) == [
        Finding(Place.MESSAGES, Fault.MISSING, stores.event(4)),
        Finding(Place.MESSAGES, Fault.MISSING, f"message 2 of conversation {stores.conversation_id}"),
    ]


async def test_messages_whose_numbers_are_not_in_the_order_of_the_log(stores):
    await stores.sql.execute("UPDATE messages SET msg_no = 9 - msg_no WHERE seq IN (6, 7)")
    assert await findings(stores) == [Finding(Place.MESSAGES, Fault.MISPLACED, stores.event(7))]


async def test_a_message_without_an_event(stores):
    await stores.sql.execute("UPDATE log SET type = 'conversation.updated' WHERE seq = 7")
    assert Finding(Place.LOG, Fault.MISSING, stores.event(7)) in await findings(stores)


async def test_an_event_behind_the_end_of_the_log(stores):
    await stores.sql.execute("UPDATE conversations SET last_seq = 6, last_msg_no = 4")
    assert Finding(Place.LOG, Fault.MISPLACED, stores.event(7)) in await findings(stores)


async def test_a_message_that_was_accepted_twice(stores):
    await stores.sql.execute("DROP INDEX messages_by_client_id")
    await stores.sql.execute("UPDATE messages SET client_id = gen_random_uuid() WHERE seq = 3")
    await stores.sql.execute(
        "UPDATE messages SET client_id = (SELECT client_id FROM messages WHERE seq = 3) WHERE seq = 6"
    )
    assert await findings(stores) == [Finding(Place.MESSAGES, Fault.DOUBLED, stores.event(6))]


async def test_events_that_the_relay_has_not_published(stores):
    await stores.sql.execute("UPDATE relay_positions SET position = position - 1, xid = xid - 1")
    stores.drop_from_ledger(stores.event(7))
    report = await audit(stores.suite, seconds=0)
    assert report.waiting == {"outbox": 1}
    assert report.findings == [Finding(Place.OUTBOX, Fault.MISSING, stores.event(7))]


async def test_an_event_that_no_consumer_took(stores):
    stores.drop_from_ledger(stores.event(5))
    assert await findings(stores) == [Finding(Place.LEDGER, Fault.MISSING, stores.event(5))]


async def test_a_notification_that_is_missing(stores):
    stores.drop_from_inbox(stores.event(5), "bob")
    report = await audit(stores.suite, seconds=0)
    assert report.findings == [Finding(Place.INBOX, Fault.MISSING, f"{stores.event(5)} for bob")]
    assert (report.lost, report.doubled) == (1, 0)


async def test_a_notification_that_came_twice(stores):
    stores.put_into_inbox(stores.event(5), "bob", copy="again")
    report = await audit(stores.suite, seconds=0)
    assert report.findings == [Finding(Place.INBOX, Fault.DOUBLED, f"{stores.event(5)} for bob")]
    assert (report.lost, report.doubled) == (0, 1)


async def test_a_notification_of_somebody_else_s_business(stores):
    stores.put_into_inbox(stores.event(5), "ada")
    assert await findings(stores) == [Finding(Place.INBOX, Fault.MISPLACED, f"{stores.event(5)} for ada")]


async def test_who_left_before_a_message_does_not_miss_it(stores):
    await stores.add_event(8, "member.left", "bob")
    await stores.add_message(6, seq=9)
    await stores.end_with(9, 6)
    await stores.publish()
    stores.enter_ledger(stores.event(9))
    assert await findings(stores) == []


async def test_who_blocks_the_sender_does_not_miss_the_message(stores):
    await stores.sql.execute("INSERT INTO blocks (blocker, blocked, active, version) VALUES ('bob', 'ada', true, 1)")
    stores.drop_from_inbox(stores.event(5), "bob")
    assert await findings(stores) == []


async def test_an_event_for_one_person_s_eyes_is_not_waited_for(stores):
    await stores.add_event(8, "message.deleted", "bob", audience="bob")
    assert (await audit(stores.suite, seconds=0)).waiting == {}


async def test_what_comes_of_other_services_is_none_of_its_business(stores):
    stores.enter_ledger("social-graph:follow:1")
    stores.put_into_inbox("social-graph:follow:1", "bob")
    assert await findings(stores) == []


async def test_a_consumed_event_that_never_happened(stores):
    stores.enter_ledger(stores.event(99))
    assert await findings(stores) == [Finding(Place.LEDGER, Fault.MISPLACED, stores.event(99))]


async def test_a_large_group_s_further_ledger_entries_belong_to_their_event(stores):
    stores.enter_ledger(f"{stores.event(5)}#1")
    assert await findings(stores) == []


async def test_dead_letters_are_counted(stores):
    sqs = stores.suite.aws("sqs")
    url = sqs.get_queue_url(QueueName=stores.suite.resource("notification", "inbox-dlq"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({}))
    assert (await audit(stores.suite, seconds=0)).dead_letters == {"notification-inbox-dlq": 1}
