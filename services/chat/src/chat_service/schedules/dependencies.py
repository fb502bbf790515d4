"""Finds the service of waiting messages for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.schedules.service import ScheduleService


async def _schedules(request: Request) -> ScheduleService:
    schedules: ScheduleService = request.state.schedules
    return schedules


Schedules = Annotated[ScheduleService, Depends(_schedules)]
