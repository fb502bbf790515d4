"""Recovery codes: what stands in for an authenticator that is lost. When one is asked for is decided elsewhere."""
