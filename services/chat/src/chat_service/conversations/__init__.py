"""Who talks with whom: conversations, their members, and how far each has read."""
