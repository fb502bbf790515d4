"""Whether the promise holds: `make chaos` breaks every part of a suite under load, and then counts.

An acknowledged message is never lost and never doubled, and a client always knows when it missed something. How fast
it is is measured elsewhere; here speed matters only as pressure.
"""
