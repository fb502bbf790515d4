"""Clients that are connected: what they ask, what they are sent, and when their socket ends."""
