"""What a client proves who it is with: bearer tokens, browsers' cookies, and tickets for sockets."""
