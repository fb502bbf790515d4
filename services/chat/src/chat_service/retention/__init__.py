"""The end of messages: expiry, and the purge of what was deleted."""
