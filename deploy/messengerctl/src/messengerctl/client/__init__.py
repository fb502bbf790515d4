"""The reference client of Messenger's public protocol: REST, uploads, sockets, and sessions that outlive them.

Knows nothing of terminals, files or this machine's suite, so that tests and other programs can use it as it is.
"""

from messengerctl.client.errors import Refused, SessionEnded, Unreachable
from messengerctl.client.log import Event, Log
from messengerctl.client.rest import Client, Tokens
from messengerctl.client.session import Listener, Session, State
from messengerctl.client.uploads import Uploads

__all__ = [
    "Client",
    "Event",
    "Listener",
    "Log",
    "Refused",
    "Session",
    "SessionEnded",
    "State",
    "Tokens",
    "Unreachable",
    "Uploads",
]
