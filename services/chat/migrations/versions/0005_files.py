"""Messages whose files are on their way, files that have arrived, and messages that wait until media answers."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE awaited_files (
            media_id uuid NOT NULL,
            conversation_id uuid NOT NULL,
            seq bigint NOT NULL,
            since timestamptz(3) NOT NULL DEFAULT now(),
            PRIMARY KEY (media_id, conversation_id, seq)
        )
    """)
    op.execute("CREATE INDEX awaited_files_by_conversation ON awaited_files (conversation_id)")
    op.execute("""
        CREATE TABLE settled_files (
            media_id uuid PRIMARY KEY,
            at timestamptz(3) NOT NULL DEFAULT now()
        )
    """)
    op.execute("ALTER TABLE scheduled_messages ADD COLUMN retry_at timestamptz(3)")


def downgrade() -> None:
    op.execute("ALTER TABLE scheduled_messages DROP COLUMN retry_at")
    op.execute("DROP TABLE settled_files, awaited_files")
