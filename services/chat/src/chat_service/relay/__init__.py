"""What other services are told of the log, in the order of its commits."""
