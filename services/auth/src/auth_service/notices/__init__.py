"""Notices: mails to a person whose account was signed in to on a new device. Which is new, sessions say."""
