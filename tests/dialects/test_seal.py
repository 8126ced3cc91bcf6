"""What stands under our own seal comes out of it again, and nothing else does."""

from __future__ import annotations

import pytest

from engine.dialects.seal import Sealed, opened, seal

HELD = [
    (seal("up/model"), Sealed(source="up/model")),
    (seal("up/model", signature="EqQB"), Sealed(source="up/model", signature="EqQB")),
    (seal("up/model", sealed="EqQB"), Sealed(source="up/model", sealed="EqQB")),
    (seal("up/model", "responses", signature="{}"), Sealed(source="up/model", form="responses", signature="{}")),
    ("turnout1.%", Sealed()),
    ("turnout1.dXA.!", Sealed()),
    ("turnout1.dXA.e30", Sealed(source="up")),
    ("EqQB", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "held"), HELD)
def test_what_a_seal_holds(text: str, held: Sealed | None) -> None:
    assert opened(text) == held
