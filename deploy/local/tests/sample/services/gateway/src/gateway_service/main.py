"""The API of the sample."""

from answering import serve

serve("GATEWAY")
