"""Passwords: which are good enough, and how one is changed or replaced. Signing in with one belongs to the sessions."""
