"""What the routes of reports take."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field, ValidationInfo, field_validator

from messenger_contracts.commands import MessageText
from messenger_contracts.conversations import ReportReason, ReportStatus
from messenger_contracts.shapes import Request

Remark = Annotated[MessageText, Field(max_length=2000)]
StatusQuery = Annotated[ReportStatus, Query(description="Which reports")]


class ReportCreate(Request):
    """Why a message is reported."""

    reason: ReportReason
    detail: Remark | None = None


class ReportPatch(Request):
    """What becomes of a report. A message is deleted for everybody, in the system's name."""

    status: Literal["resolved", "dismissed"]
    note: Remark | None = Field(None, description="For other moderators")
    delete_message: bool = False

    @field_validator("delete_message")
    @classmethod
    def _deletes_what_it_objects_to(cls, deletes: bool, info: ValidationInfo) -> bool:
        if deletes and info.data.get("status") == "dismissed":
            raise ValueError("does not go with a report that is dismissed")
        return deletes
