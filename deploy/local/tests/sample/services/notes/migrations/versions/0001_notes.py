"""A table of notes."""

from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    """Create it."""
    op.execute("CREATE TABLE notes (text text)")
