"""The mark on the row of an ended session that the gateways may not know of."""

UNANNOUNCED = "unannounced"
"""The attribute, and the sparse index that holds a row only while the attribute is there."""
ANNOUNCE = "yes"
"""The attribute's one value."""
