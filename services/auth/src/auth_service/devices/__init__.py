"""Devices: how one is known again, and what it is called. Which sessions it holds does not belong here."""
