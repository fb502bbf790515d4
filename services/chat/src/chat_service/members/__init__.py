"""Who is in a group, in which role, and how one comes in and goes."""
