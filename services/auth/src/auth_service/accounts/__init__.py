"""Accounts: signing up, verifying the address, and whose name is whose. Sessions do not belong here."""
