"""What an owner's devices are told at once: that a file of theirs has another state."""
