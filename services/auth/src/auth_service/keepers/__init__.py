"""Keepers: the services that keep data of people, as auth asks them what they have, and whether anything is left."""
