"""Files that people upload, keep, share and hang on what they write. Bytes go between clients and S3."""
