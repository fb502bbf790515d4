"""What chat asks of media."""

from collections.abc import Sequence

from messenger_contracts.media import (
    AttachAnswer,
    AttachAnswers,
    AttachQuestions,
    MediaAnswer,
    MediaQuestion,
    ShownAnswers,
    ShownQuestion,
    ShownQuestions,
)
from messenger_contracts.shapes import Shape
from servicekit.http import ServiceClient
from servicekit.identity import ServiceSigner

JSON = {"content-type": "application/json"}


class MediaRepository:
    """Media's internal routes, asked by chat as itself. All are safe to ask again."""

    def __init__(self, media: ServiceClient, signer: ServiceSigner) -> None:
        self._media = media
        self._signer = signer

    async def attachable(self, questions: Sequence[MediaQuestion]) -> list[AttachAnswer]:
        """What people may attach. Asked again where that failed: a send waits for it."""
        answer = await self._post("attachments", AttachQuestions(questions=list(questions)), retry=True)
        return AttachAnswers.model_validate_json(answer).answers

    async def shown(self, questions: Sequence[ShownQuestion]) -> list[MediaAnswer]:
        """What readers are shown. Not asked again: a reader would rather have the messages without."""
        answer = await self._post("shown", ShownQuestions(questions=list(questions)), retry=False)
        return ShownAnswers.model_validate_json(answer).answers

    async def _post(self, name: str, body: Shape, *, retry: bool) -> bytes:
        content, identity = body.model_dump_json().encode(), await self._signer.sign()
        path = f"/internal/media/{name}"
        answer = await self._media.request("POST", path, identity, content=content, headers=JSON, retry=retry)
        return answer.raise_for_status().content
