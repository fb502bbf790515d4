"""What people say: sending in groups, and history."""
