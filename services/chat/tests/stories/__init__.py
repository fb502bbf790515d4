"""Whatever people do, in whatever order: stories that hypothesis invents, on the real app and the real database."""
