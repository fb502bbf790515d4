"""Challenges: the second half of a sign-in, when the password was right. What it begins belongs to the sessions."""
