"""Rotations: the security log's entry for a key that has a successor. Rotating itself: `servicekit.rotation`."""
