"""Conversations and messages. The log of each conversation is history, realtime, sync and outbox at once."""
