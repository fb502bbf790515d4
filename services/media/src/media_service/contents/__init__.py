"""What a file is, told by its bytes: its type, where it ends, and whether it is a second thing as well."""
