"""Tells people what happened: their inbox, and a push to the sockets that they have open.

What happened is decided by those who publish it. Nothing here asks another service.
"""
