"""The live side of conversations: one ordered, gapless stream a conversation, for all sockets of this gateway."""
