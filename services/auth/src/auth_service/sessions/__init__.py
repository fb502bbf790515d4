"""Sessions: signing in, staying signed in, signing out, and the word to the gateways. Accounts do not belong here."""
