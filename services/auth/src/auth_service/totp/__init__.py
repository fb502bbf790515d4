"""Authenticators: setting one up, and taking it off. Its codes at sign-in belong to the challenges."""
