"""What a client proves who it is with: bearer tokens, and tickets for sockets."""
