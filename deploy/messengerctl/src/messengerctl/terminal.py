"""A conversation in a terminal: lines appear as they are said, and the prompt stays where it is."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.application import get_app_or_none
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.patch_stdout import patch_stdout

from messenger_contracts.conversations import Conversation, Message
from messenger_contracts.realtime import TYPING_SECONDS
from messengerctl.client import Client, Event, Listener, Refused, Session, SessionEnded, State, Unreachable
from messengerctl.people import Person

HISTORY = 20
HELP = "/history [n]  the last n messages    /quit  leave    /help  this line"
_SEEN_AS = {State.LIVE: "●", State.CONNECTING: "◌", State.WAITING: "◌", State.ENDED: "✗"}


class Window(Listener):
    """What one of two people sees of their conversation, and does in it."""

    def __init__(
        self,
        client: Client,
        me: Person,
        peer_name: str,
        conversation: Conversation,
        positions: dict[str, int],
    ) -> None:
        self.session = Session(client, self, positions)
        self._client = client
        self._me = me
        self._peer = peer_name
        self._id = conversation.id
        self._why = ""
        self._sent_seq = 0
        self._read_seq = 0
        self._peer_types_until = 0.0
        self._told_typing = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def event(self, event: Event) -> None:
        """Show a message; what the other said is thereby read."""
        if event.c != self._id or event.type != "message.created":
            return
        self._show(Message.model_validate(event.data))
        if event.by != self._me.user_id:
            self._peer_types_until = 0.0
            self.mark_read(event.seq)

    def push(self, op: str, d: dict[str, Any]) -> None:
        """Note who types, and how far the other has read."""
        if d.get("c") != self._id or d.get("by") == self._me.user_id:
            return
        if op == "typing":
            self._peer_types_until = time.monotonic() + d["expires_in"]
        elif op == "read":
            self._read_seq = max(self._read_seq, d["seq"])
        _redraw()

    def restarted(self, conversation_id: str) -> None:
        """Say that what stands above may not have been kept."""
        _complain("the conversation was restored from a backup; it follows from its start")

    def state(self, state: State, why: str) -> None:
        """Show how the connection stands."""
        self._why = why
        _redraw()

    def toolbar(self) -> FormattedText:
        """The line at the bottom: the connection, the ticks of one's last message, who types."""
        state = self.session.state
        ticks = ""
        if self._sent_seq:
            ticks = "  ✓✓ read" if self._read_seq >= self._sent_seq else "  ✓ sent"
        types = f"  {self._peer} is typing…" if time.monotonic() < self._peer_types_until else ""
        why = f" ({self._why})" if self._why and state is not State.LIVE else ""
        return FormattedText([("", f" {_SEEN_AS[state]} {state}{why}{ticks}{types}   /help")])

    def typed(self, buffer: Buffer) -> None:
        """Tell the other that one types, at most every half of the time that it lasts."""
        due = time.monotonic() > self._told_typing + TYPING_SECONDS / 2
        if due and buffer.text and not buffer.text.startswith("/"):
            self._told_typing = time.monotonic()
            self._soon(self.session.tell("typing", {"c": self._id, "typing": True}))

    def mark_read(self, seq: int) -> None:
        """Tell that everything up to a position was read."""
        self._soon(self.session.tell("read", {"c": self._id, "seq": seq}))

    def enter(self, line: str) -> bool:
        """Send a line, or carry out the command that it is; returns whether to go on."""
        self._told_typing = 0.0
        name, _, argument = line.partition(" ")
        if name == "/quit":
            return False
        if name == "/history":
            self._soon(self.history(int(argument) if argument.isdecimal() else HISTORY))
        elif line.startswith("/"):
            print_formatted_text(HELP)
        elif line:
            self._soon(self._say(line))
        return True

    async def history(self, number: int) -> None:
        """Show the last so many messages."""
        try:
            page = await self._client.messages(self._id, limit=min(max(number, 1), 200))
        except (Refused, Unreachable) as error:
            _complain(f"no history: {error}")
            return
        for message in reversed(page.items):
            self._show(message)

    async def _say(self, text: str) -> None:
        try:
            sent = await self.session.send(self._id, text)
        except (Refused, SessionEnded) as error:
            _complain(f"not sent: {error}")
            return
        self._sent_seq = max(self._sent_seq, sent.seq)
        _redraw()

    def _show(self, message: Message) -> None:
        mine = message.by == self._me.user_id
        clock = message.created_at.astimezone().strftime("%H:%M ")
        name = ("ansigreen", f"{self._me.username}: ") if mine else ("ansicyan", f"{self._peer}: ")
        print_formatted_text(FormattedText([("ansibrightblack", clock), name, ("", message.text or "(removed)")]))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the prompt, and hold on to it until it is done."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _redraw() -> None:
    if app := get_app_or_none():
        app.invalidate()


def _complain(text: str) -> None:
    print_formatted_text(FormattedText([("ansired", text)]))


async def converse(client: Client, me: Person, peer_id: str, peer_name: str) -> None:
    """Talk until /quit, Ctrl-C, Ctrl-D or the end of the session."""
    conversation = await client.converse(peer_id)
    elsewhere = {other.id: other.last_seq async for other in client.conversations()}
    window = Window(client, me, peer_name, conversation, elsewhere | {conversation.id: conversation.last_seq})
    await window.history(HISTORY)
    prompt: PromptSession[str] = PromptSession(
        bottom_toolbar=window.toolbar, refresh_interval=1.0, erase_when_done=True
    )
    prompt.default_buffer.on_text_changed += window.typed
    async with window.session:
        with patch_stdout(), suppress(EOFError, KeyboardInterrupt):
            await window.session.live()
            window.mark_read(conversation.last_seq)
            while window.session.state is not State.ENDED and window.enter((await prompt.prompt_async("> ")).strip()):
                pass
