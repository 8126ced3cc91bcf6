"""The sorts of limits, in this order. The tuple is the registry: the key in `limits.<name>` is `Policy.word`.

A new one is a file here and its name in the tuple.
"""

from __future__ import annotations

from engine.policies.base import Demand, Malformed, Policy
from engine.policies.budget import Budget
from engine.policies.concurrency import Concurrency
from engine.policies.requests import Requests
from engine.policies.tokens import Tokens

__all__ = ["POLICIES", "Budget", "Concurrency", "Demand", "Malformed", "Policy", "Requests", "Tokens"]

POLICIES: tuple[type[Policy], ...] = (Requests, Tokens, Concurrency, Budget)
