"""Messenger from a terminal: accounts, mail, chat, a demonstration, and the checks that nothing was lost.

An outside client: it speaks the public protocol and imports no service. Only `mail`, `doctor`, `audit` and `demo` look
behind the gateway, and only of a suite that runs in this checkout.
"""
