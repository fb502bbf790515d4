"""Audits: what happened to an account's security, told to other services, and kept for who looks into it later."""
