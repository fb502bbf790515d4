"""Endings: how the gateways hear that a session is over. When one is over is decided in the sessions room."""
