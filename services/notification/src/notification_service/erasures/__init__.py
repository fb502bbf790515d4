"""Erasures: notification forgets a person whose account is deleted, in their own inbox and in those of others."""
