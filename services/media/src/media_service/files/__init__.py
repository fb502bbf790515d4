"""The record of a file, as every room reads and changes it."""
