"""Bytes that nobody meant: whatever comes in, what comes out is one of the answers that are foreseen."""
