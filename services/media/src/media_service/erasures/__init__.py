"""Erasures: media forgets a person whose account is deleted, with every byte of theirs, wherever it hangs."""
