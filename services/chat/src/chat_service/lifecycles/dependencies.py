"""Finds the services of a conversation's life for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.lifecycles.service import BeginningService, LifecycleService


async def _beginnings(request: Request) -> BeginningService:
    beginnings: BeginningService = request.state.beginnings
    return beginnings


async def _lifecycles(request: Request) -> LifecycleService:
    lifecycles: LifecycleService = request.state.lifecycles
    return lifecycles


Beginnings = Annotated[BeginningService, Depends(_beginnings)]
Lifecycles = Annotated[LifecycleService, Depends(_lifecycles)]
