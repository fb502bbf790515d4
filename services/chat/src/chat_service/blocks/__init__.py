"""Who blocks whom, as social-graph tells it: a projection."""
