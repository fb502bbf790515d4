"""How every Messenger service behaves: start-up, errors, identity, stores, events, health and drain.

Knows `messenger_contracts` and no service. What only one service needs does not belong here.
"""
