"""The public HTTP routes: which service answers them, and how a request gets there."""
