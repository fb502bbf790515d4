"""What sockets and PUTs have chat do: gathered, so that many clients' commands share a request."""
