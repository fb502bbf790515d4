"""Albums: files that hang together, shared by role. A viewer looks, a contributor adds files of their own."""
