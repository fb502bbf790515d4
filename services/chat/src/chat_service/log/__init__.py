"""The log of each conversation: dense, gapless, the one source of history, live events, sync and the outbox."""
