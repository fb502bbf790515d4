"""The public routes of all rooms, in the order in which they are asked."""

from fastapi import APIRouter

from chat_service.conversations.endpoints import router as conversations
from chat_service.invites.endpoints import router as invites
from chat_service.lifecycles.endpoints import router as lifecycles
from chat_service.marks.endpoints import router as marks
from chat_service.members.endpoints import router as members
from chat_service.messages.endpoints import router as messages
from chat_service.pins.endpoints import router as pins
from chat_service.reactions.endpoints import router as reactions
from chat_service.reports.endpoints import router as reports
from chat_service.schedules.endpoints import router as schedules
from chat_service.search.endpoints import router as search
from chat_service.sends.endpoints import router as sends
from chat_service.sync.endpoints import router as sync

ROUTERS: list[APIRouter] = [
    conversations,
    lifecycles,
    members,
    invites,
    marks,
    messages,
    pins,
    reactions,
    reports,
    schedules,
    search,
    sends,
    sync,
]
