"""How bytes come in: presigned requests to S3, in one piece or in parts, that hold a client to what it declared."""
