"""What a message says, in whichever tables, and how it goes."""

from sqlalchemy import TextClause, text

_PURGE = """
    WITH old AS (
        {old}
    ), e AS (
        DELETE FROM edits USING old WHERE edits.conversation_id = old.conversation_id AND edits.seq = old.seq
    ), r AS (
        DELETE FROM reactions r USING old WHERE r.conversation_id = old.conversation_id AND r.seq = old.seq
    ), w AS (
        DELETE FROM search_words w USING old WHERE w.conversation_id = old.conversation_id AND w.seq = old.seq
    ), p AS (
        DELETE FROM preview_jobs p USING old WHERE p.conversation_id = old.conversation_id AND p.seq = old.seq
    )
    UPDATE messages x SET text = NULL, mentions = NULL, media = NULL, previews = NULL, purged_at = now()
    FROM old WHERE x.conversation_id = old.conversation_id AND x.seq = old.seq
"""


def purge_of(old: str) -> TextClause:
    """The statement that removes what tombstones said; `old` selects their `conversation_id` and `seq`."""
    return text(_PURGE.format(old=old.strip()))
