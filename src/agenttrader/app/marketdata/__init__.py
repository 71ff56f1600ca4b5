"""Market data from its source to many: told in order, kept for who comes late, watched for its age."""
