"""Use case of exports: all that is kept of a person, a page at a time, one kind after another."""

from chat_service.exports.domain import Place, parse_place
from chat_service.exports.repository import KINDS, ExportRepository
from messenger_contracts.personal_data import PersonalPage, PersonalRecord
from servicekit.postgres import Session


class ExportService:
    """Reads for auth, on behalf of one person."""

    def __init__(self, session: Session, repository: ExportRepository) -> None:
        self._session = session
        self._repository = repository

    async def page(self, user_id: str, cursor: str | None, limit: int) -> PersonalPage:
        """What follows a place, at most `limit` rows of one kind."""
        place = parse_place(cursor, len(KINDS))
        rows = await self._repository.stretch(self._session, user_id, place, limit)
        items = [PersonalRecord(kind=KINDS[place.kind], data=row.data) for row in rows]
        if len(rows) == limit:
            return PersonalPage(items=items, next=Place(place.kind, rows[-1].conversation_id, rows[-1].seq).cursor)
        following = place.kind + 1
        return PersonalPage(items=items, next=Place(following).cursor if following < len(KINDS) else None)
