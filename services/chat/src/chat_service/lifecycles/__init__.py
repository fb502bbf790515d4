"""How conversations begin, change as a whole, and end. Who is in them belongs in members."""
