"""What a person reacted to is found from the person, who may ask to be forgotten."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("CREATE INDEX reactions_by_user ON reactions (user_id, conversation_id, seq)")


def downgrade() -> None:
    op.execute("DROP INDEX reactions_by_user")
