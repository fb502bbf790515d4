"""How fast the suite is, and next to what: `make bench`.

A measurement is a ratio between numbers of one run on one machine; absolute numbers are that machine's. What must be
true of the suite whatever its speed is tested elsewhere, though no number here counts unless what it counts is checked.
"""
