"""Groups, edits, reactions, pins, what one keeps for oneself, blocks, search, schedules, reports."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = (
    "edits",
    "reactions",
    "pins",
    "mentions",
    "hidden_messages",
    "scheduled_messages",
    "invites",
    "blocks",
    "inbox_ledger",
    "reports",
    "idempotency_keys",
    "search_words",
    "preview_jobs",
    "restores",
)


def upgrade() -> None:
    _conversations()
    _messages()
    _of_messages()
    _of_conversations()
    _of_workers()


def _conversations() -> None:
    op.execute("""
        ALTER TABLE conversations
            ADD COLUMN avatar text,
            ADD COLUMN history text NOT NULL DEFAULT 'joined'
                CONSTRAINT conversations_history CHECK (history IN ('joined', 'shared')),
            ADD COLUMN version bigint NOT NULL DEFAULT 1,
            ADD COLUMN member_count bigint NOT NULL DEFAULT 2,
            ADD COLUMN closed_by text[] NOT NULL DEFAULT '{}',
            ADD COLUMN last_xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
            ADD COLUMN deleted_at timestamptz(3)
    """)
    op.execute("ALTER TABLE conversations ALTER COLUMN member_count DROP DEFAULT")
    op.execute("""
        ALTER TABLE members
            ADD COLUMN visible_from bigint NOT NULL DEFAULT 1,
            ADD COLUMN shown_seq bigint NOT NULL DEFAULT 0,
            ADD COLUMN delivered_seq bigint NOT NULL DEFAULT 0,
            ADD COLUMN marked_unread boolean NOT NULL DEFAULT false,
            ADD COLUMN muted_until timestamptz(3),
            ADD COLUMN pinned_at timestamptz(3),
            ADD COLUMN archived_at timestamptz(3),
            ADD COLUMN draft jsonb,
            ADD COLUMN changed_xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint
    """)
    op.execute("DROP INDEX members_by_user")
    op.execute("CREATE INDEX members_by_user ON members (user_id, conversation_id)")


def _messages() -> None:
    op.execute("""
        ALTER TABLE messages
            ADD COLUMN reply_to uuid,
            ADD COLUMN thread_root uuid,
            ADD COLUMN mentions text[],
            ADD COLUMN media jsonb,
            ADD COLUMN previews jsonb,
            ADD COLUMN touched boolean NOT NULL DEFAULT false,
            ADD COLUMN edited_at timestamptz(3),
            ADD COLUMN expires_at timestamptz(3),
            ADD COLUMN deleted_at timestamptz(3),
            ADD COLUMN purged_at timestamptz(3)
    """)
    op.execute("CREATE UNIQUE INDEX messages_by_id ON messages (id)")
    op.execute("DROP INDEX messages_by_sender")
    op.execute('CREATE INDEX messages_by_sender ON messages (conversation_id, by COLLATE "C", seq)')
    op.execute("""
        CREATE INDEX messages_by_thread ON messages (conversation_id, thread_root, seq) WHERE thread_root IS NOT NULL
    """)
    op.execute("""
        CREATE INDEX messages_expiring ON messages (expires_at) WHERE expires_at IS NOT NULL AND deleted_at IS NULL
    """)
    op.execute("CREATE INDEX messages_deleted ON messages (conversation_id, seq) WHERE deleted_at IS NOT NULL")
    op.execute("""
        CREATE INDEX messages_to_purge ON messages (deleted_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL
    """)
    op.execute("ALTER TABLE log ADD COLUMN target_seq bigint, ADD COLUMN audience text")


def _of_messages() -> None:
    op.execute("""
        CREATE TABLE edits (
            conversation_id uuid NOT NULL,
            seq bigint NOT NULL,
            version bigint NOT NULL,
            text text,
            mentions text[],
            until timestamptz(3) NOT NULL,
            PRIMARY KEY (conversation_id, seq, version)
        )
    """)
    op.execute("""
        CREATE TABLE reactions (
            conversation_id uuid NOT NULL,
            seq bigint NOT NULL,
            emoji text NOT NULL,
            user_id text NOT NULL,
            at timestamptz(3) NOT NULL,
            PRIMARY KEY (conversation_id, seq, emoji, user_id)
        )
    """)
    op.execute("""
        CREATE TABLE pins (
            conversation_id uuid NOT NULL,
            seq bigint NOT NULL,
            by text NOT NULL,
            at timestamptz(3) NOT NULL,
            PRIMARY KEY (conversation_id, seq)
        )
    """)
    for table in ("mentions", "hidden_messages"):
        op.execute(f"""
            CREATE TABLE {table} (
                user_id text NOT NULL,
                conversation_id uuid NOT NULL,
                seq bigint NOT NULL,
                PRIMARY KEY (user_id, conversation_id, seq)
            )
        """)
    op.execute("""
        CREATE TABLE scheduled_messages (
            conversation_id uuid NOT NULL REFERENCES conversations,
            by text NOT NULL,
            client_id uuid NOT NULL,
            by_name text NOT NULL,
            body jsonb NOT NULL,
            digest bytea NOT NULL,
            send_at timestamptz(3) NOT NULL,
            created_at timestamptz(3) NOT NULL,
            failed text,
            PRIMARY KEY (conversation_id, by, client_id)
        )
    """)
    op.execute("CREATE INDEX scheduled_messages_due ON scheduled_messages (send_at) WHERE failed IS NULL")
    op.execute("""
        CREATE TABLE reports (
            id uuid PRIMARY KEY,
            conversation_id uuid NOT NULL,
            seq bigint NOT NULL,
            message_id uuid NOT NULL,
            author text NOT NULL,
            reporter text NOT NULL,
            reason text NOT NULL,
            detail text,
            reported_text text,
            status text NOT NULL CONSTRAINT reports_status CHECK (status IN ('open', 'resolved', 'dismissed')),
            created_at timestamptz(3) NOT NULL,
            closed_at timestamptz(3),
            closed_by text,
            note text,
            CONSTRAINT reports_once UNIQUE (message_id, reporter)
        )
    """)
    op.execute("CREATE INDEX reports_by_status ON reports (status, created_at, id)")


def _of_conversations() -> None:
    op.execute("""
        CREATE TABLE invites (
            code text PRIMARY KEY,
            conversation_id uuid NOT NULL REFERENCES conversations,
            created_by text NOT NULL,
            created_at timestamptz(3) NOT NULL,
            expires_at timestamptz(3),
            max_uses bigint,
            uses bigint NOT NULL DEFAULT 0,
            revoked_at timestamptz(3),
            CONSTRAINT invites_uses CHECK (max_uses IS NULL OR uses <= max_uses)
        )
    """)
    op.execute("CREATE INDEX invites_by_conversation ON invites (conversation_id, created_at) WHERE revoked_at IS NULL")
    op.execute("""
        CREATE TABLE blocks (
            blocker text NOT NULL,
            blocked text NOT NULL,
            active boolean NOT NULL,
            version bigint NOT NULL,
            xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
            PRIMARY KEY (blocker, blocked)
        )
    """)
    op.execute("CREATE INDEX blocks_by_blocked ON blocks (blocked, blocker)")
    op.execute("CREATE INDEX blocks_by_change ON blocks (xid)")
    op.execute("""
        CREATE TABLE restores (
            id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
            at timestamptz(3) NOT NULL DEFAULT now()
        )
    """)
    op.execute("""
        CREATE FUNCTION log_was_restored() RETURNS bigint LANGUAGE sql AS $$
            -- A logical restore begins transaction ids anew: those that have not come yet must not stay in the rows.
            DELETE FROM relay_positions WHERE xid > (pg_current_xact_id()::text)::bigint;
            UPDATE log SET xid = 0 WHERE xid > (pg_current_xact_id()::text)::bigint;
            UPDATE members SET changed_xid = 0 WHERE changed_xid > (pg_current_xact_id()::text)::bigint;
            UPDATE blocks SET xid = 0 WHERE xid > (pg_current_xact_id()::text)::bigint;
            UPDATE conversations SET last_xid = (pg_current_xact_id()::text)::bigint,
                                     epoch = right(replace(gen_random_uuid()::text, '-', ''), 12);
            INSERT INTO restores DEFAULT VALUES RETURNING id;
        $$
    """)


def _of_workers() -> None:
    op.execute("CREATE TABLE inbox_ledger (event_id text PRIMARY KEY, at timestamptz(3) NOT NULL)")
    op.execute("""
        CREATE TABLE idempotency_keys (
            caller text NOT NULL,
            key text NOT NULL,
            fingerprint bytea NOT NULL,
            status bigint NOT NULL,
            body jsonb NOT NULL,
            at timestamptz(3) NOT NULL,
            PRIMARY KEY (caller, key)
        )
    """)
    op.execute("CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at)")
    op.execute("""
        CREATE TABLE search_words (
            conversation_id uuid NOT NULL,
            seq bigint NOT NULL,
            at timestamptz(3) NOT NULL,
            words tsvector NOT NULL,
            PRIMARY KEY (conversation_id, seq)
        )
    """)
    op.execute("CREATE INDEX search_words_in_text ON search_words USING gin (words)")
    op.execute("""
        CREATE TABLE preview_jobs (
            conversation_id uuid NOT NULL,
            seq bigint NOT NULL,
            urls text[] NOT NULL,
            attempts bigint NOT NULL DEFAULT 0,
            due_at timestamptz(3) NOT NULL,
            PRIMARY KEY (conversation_id, seq)
        )
    """)
    op.execute("CREATE INDEX preview_jobs_due ON preview_jobs (due_at)")


def downgrade() -> None:
    op.execute("DROP FUNCTION log_was_restored()")
    op.execute(f"DROP TABLE {', '.join(TABLES)}")
    op.execute("ALTER TABLE log DROP COLUMN target_seq, DROP COLUMN audience")
    op.execute("DROP INDEX messages_by_id, messages_by_thread, messages_expiring, messages_deleted, messages_to_purge")
    op.execute("DROP INDEX messages_by_sender")
    op.execute("CREATE INDEX messages_by_sender ON messages (conversation_id, by, seq)")
    op.execute("""
        ALTER TABLE messages
            DROP COLUMN reply_to, DROP COLUMN thread_root, DROP COLUMN mentions, DROP COLUMN media,
            DROP COLUMN previews, DROP COLUMN touched, DROP COLUMN edited_at, DROP COLUMN expires_at,
            DROP COLUMN deleted_at, DROP COLUMN purged_at
    """)
    op.execute("DROP INDEX members_by_user")
    op.execute("CREATE INDEX members_by_user ON members (user_id, conversation_id) WHERE left_at IS NULL")
    op.execute("""
        ALTER TABLE members
            DROP COLUMN visible_from, DROP COLUMN shown_seq, DROP COLUMN delivered_seq, DROP COLUMN marked_unread,
            DROP COLUMN muted_until, DROP COLUMN pinned_at, DROP COLUMN archived_at, DROP COLUMN draft,
            DROP COLUMN changed_xid
    """)
    op.execute("""
        ALTER TABLE conversations
            DROP COLUMN avatar, DROP COLUMN history, DROP COLUMN version, DROP COLUMN member_count,
            DROP COLUMN closed_by, DROP COLUMN last_xid, DROP COLUMN deleted_at
    """)
