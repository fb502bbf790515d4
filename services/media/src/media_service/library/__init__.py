"""A person's own files: lists, tags, captions, crops, and the bin from which they come back for a while."""
