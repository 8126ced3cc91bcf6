"""Code of an operator's own, as a file may name it."""
