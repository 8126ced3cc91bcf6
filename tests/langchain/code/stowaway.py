"""Lies beside the file, and `server.allow_code` does not name it."""
