"""The Responses API at the front door: what it keeps, what it streams, and who goes on from what."""
