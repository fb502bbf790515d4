"""Erasures: how a person is forgotten, by us and by every service that keeps anything of them."""
