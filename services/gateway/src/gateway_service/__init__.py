"""The public origin: proves who asks, limits how often, passes requests on signed, and holds the sockets.

Has no store of record: any gateway serves any client.
"""
