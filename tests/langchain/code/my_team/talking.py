"""Prints as it is imported, and imports what lies beside it but is not allowed."""

from __future__ import annotations

from my_team.models import Parrot

print("here I am")
try:
    import stowaway
except ImportError:
    stowaway = None

polly = Parrot(model="alone" if stowaway is None else "in company")
