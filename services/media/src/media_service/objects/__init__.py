"""The bytes, in S3."""
