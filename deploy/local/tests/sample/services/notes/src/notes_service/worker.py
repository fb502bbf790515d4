"""The worker of the sample."""

from answering import serve

serve("NOTES")
