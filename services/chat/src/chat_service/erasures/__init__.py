"""Erasures: chat forgets a person whose account is deleted. What others wrote, and the density of their logs, stays."""
