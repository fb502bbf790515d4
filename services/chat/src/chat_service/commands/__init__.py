"""What gateways ask on behalf of their sockets: batches of commands, positions, and what a returning client missed."""
