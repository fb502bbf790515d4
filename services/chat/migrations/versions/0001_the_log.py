"""Conversations, members, messages, the log and the relay's position."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE conversations (
            id uuid PRIMARY KEY,
            kind text NOT NULL CONSTRAINT conversations_kind CHECK (kind IN ('direct', 'group')),
            direct_key text UNIQUE,
            title text,
            epoch text NOT NULL,
            created_at timestamptz(3) NOT NULL,
            active_at timestamptz(3) NOT NULL,
            last_seq bigint NOT NULL DEFAULT 0,
            last_msg_no bigint NOT NULL DEFAULT 0,
            CONSTRAINT conversations_positions CHECK (last_msg_no <= last_seq)
        ) WITH (fillfactor = 70)
    """)
    op.execute("""
        CREATE TABLE members (
            conversation_id uuid NOT NULL REFERENCES conversations,
            user_id text NOT NULL,
            username text NOT NULL,
            role text NOT NULL CONSTRAINT members_role CHECK (role IN ('owner', 'admin', 'member')),
            read_seq bigint NOT NULL DEFAULT 0,
            read_msg_no bigint NOT NULL DEFAULT 0,
            joined_at timestamptz(3) NOT NULL,
            left_at timestamptz(3),
            PRIMARY KEY (conversation_id, user_id)
        ) WITH (fillfactor = 80)
    """)
    op.execute("CREATE INDEX members_by_user ON members (user_id, conversation_id) WHERE left_at IS NULL")
    op.execute("""
        CREATE TABLE messages (
            conversation_id uuid NOT NULL,
            seq bigint NOT NULL,
            msg_no bigint NOT NULL,
            id uuid NOT NULL,
            by text NOT NULL,
            client_id uuid NOT NULL,
            digest bytea NOT NULL,
            text text,
            created_at timestamptz(3) NOT NULL,
            PRIMARY KEY (conversation_id, seq)
        )
    """)
    op.execute("CREATE UNIQUE INDEX messages_by_client_id ON messages (conversation_id, by, client_id)")
    op.execute("CREATE INDEX messages_by_sender ON messages (conversation_id, by, seq)")
    op.execute("""
        CREATE TABLE log (
            conversation_id uuid NOT NULL,
            seq bigint NOT NULL,
            type text NOT NULL,
            at timestamptz(3) NOT NULL,
            by text NOT NULL,
            by_name text NOT NULL,
            data jsonb,
            xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
            position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
            PRIMARY KEY (conversation_id, seq)
        )
    """)
    op.execute("CREATE INDEX log_in_commit_order ON log (xid, position)")
    op.execute("""
        CREATE TABLE relay_positions (
            name text PRIMARY KEY,
            xid bigint NOT NULL,
            position bigint NOT NULL
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE relay_positions, log, messages, members, conversations")
