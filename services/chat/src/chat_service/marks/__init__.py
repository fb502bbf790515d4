"""What a person keeps about a conversation: how far it was read, a draft, mute, pin, archive."""
