"""The people whom one can write to, as auth knows them."""
