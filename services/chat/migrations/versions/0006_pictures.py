"""Who gave a group its picture, and which messages show a file."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE conversations ADD COLUMN avatar_by text")
    op.execute("ALTER TABLE settled_files ADD COLUMN version bigint NOT NULL DEFAULT 0")
    with op.get_context().autocommit_block():
        op.execute("""
            CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_by_file ON messages USING gin (media jsonb_path_ops)
            WHERE media IS NOT NULL
        """)


def downgrade() -> None:
    op.execute("DROP INDEX messages_by_file")
    op.execute("ALTER TABLE settled_files DROP COLUMN version")
    op.execute("ALTER TABLE conversations DROP COLUMN avatar_by")
