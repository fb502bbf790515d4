"""Where files hang, and who may look there: a projection of what chat and social-graph tell, and of our own albums."""
