"""How often one may ask: per person, per address, and stricter where a secret is taken, per account and device too."""
