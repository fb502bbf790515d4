"""Who was removed from a group, who hid a message; and what is still to be purged of deleted groups and reports."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE members ADD COLUMN removed boolean NOT NULL DEFAULT false")
    op.execute("CREATE INDEX hidden_messages_by_message ON hidden_messages (conversation_id, seq)")
    op.execute("ALTER TABLE conversations ADD COLUMN purged_at timestamptz(3)")
    op.execute("""
        CREATE INDEX conversations_to_purge ON conversations (deleted_at)
        WHERE deleted_at IS NOT NULL AND purged_at IS NULL
    """)
    op.execute("""
        CREATE INDEX reports_to_purge ON reports (closed_at)
        WHERE closed_at IS NOT NULL AND (reported_text IS NOT NULL OR detail IS NOT NULL)
    """)


def downgrade() -> None:
    op.execute("DROP INDEX reports_to_purge, conversations_to_purge, hidden_messages_by_message")
    op.execute("ALTER TABLE conversations DROP COLUMN purged_at")
    op.execute("ALTER TABLE members DROP COLUMN removed")
