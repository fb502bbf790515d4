"""A place for work on what strangers made: a process of its own for each file, with limits that the system keeps."""
