"""Virus scanners: whether a file is known to do harm. Where there is none, that is said."""
