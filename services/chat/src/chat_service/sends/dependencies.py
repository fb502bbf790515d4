"""Finds the sender for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.sends.service import MessageSender


async def _sender(request: Request) -> MessageSender:
    sender: MessageSender = request.state.sender
    return sender


Sender = Annotated[MessageSender, Depends(_sender)]
