"""Notices: mails to people about the security of their accounts: a new device, or a change in how one gets in.

Which device is new, `sessions` says, and what else is news, `audits`. Mails with codes do not belong here.
"""
