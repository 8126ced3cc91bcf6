"""How much a request through Turnout costs, beside a named peer on the same machine: `python -m tests.bench`.

It measures and prints; it judges nothing, because a shared machine has no honest limits.
"""
