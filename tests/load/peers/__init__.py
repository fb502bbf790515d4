"""Other servers that do the same work, in the same run, on the same machine: `make bench-peers`.

Each is set up as its own manual advises for speed, short of losing what it has taken. What differs in what they promise
is said where the numbers stand.
"""
