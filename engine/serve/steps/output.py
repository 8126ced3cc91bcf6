"""`output`: the answer must satisfy a JSON Schema of the file; one that does not is asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Call, Problem, Refusal, Text
from engine.dialects.instructions import instructed
from engine.dialects.shape import gone_on, shaped, unshaped
from engine.serve.failures import NO_RETRY

if TYPE_CHECKING:
    from msgspec import Raw

    from engine.chat import Api, Response
    from engine.plan.layers import Output, Tuning
    from engine.plan.nodes import Decision
    from engine.serve.order import Order

SHOWN = 5
"""How many mistakes are told at once."""
UNSUPPORTED, REFUSED = "unsupported_parameter", "invalid_request"
"""The codes of a request that nobody takes as it is."""
TOLD = "Answer with one JSON value that satisfies this JSON Schema, and with nothing else:\n{schema}"
AGAIN = (
    "This answer does not satisfy the JSON Schema that it must: {why}. "
    "Answer again, with the corrected JSON and nothing else."
)


def shaping(tuning: Tuning, _decision: Decision, form: Api, fields: dict[str, Raw]) -> dict[str, Raw]:
    """Return the fields with the schema asked for: natively where the target's API can, else by translation."""
    return fields if tuning.output is None else shaped(form, fields, tuning.output.schema)


class Shaped:
    """One conversation that must end in an answer of the schema."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._tries = 0
        self._told = False
        """The schema is told in words."""

    def plainly(self, order: Order, code: str) -> dict[str, Raw] | None:
        """Return the request with the schema told in words, where nobody was found who takes it as one; None where that
        is not what went wrong, or has been tried."""
        if self._told or self._tries or code not in (UNSUPPORTED, REFUSED):
            return None
        self._told = True
        schema = msgspec.json.encode(self._output.schema).decode()
        return instructed(order.form, unshaped(order.form, order.peek.fields), TOLD.format(schema=schema), "after")

    def again(self, order: Order, answer: Response) -> dict[str, Raw] | None:
        """Return the request that asks again; None where the answer is good, or none yet: a call of a tool, a refusal.

        Raises `Problem` (502) where it has been asked for often enough.
        """
        self._tries += 1
        if any(isinstance(block, Call | Refusal) for block in answer.blocks) or answer.stop.reason == "refusal":
            return None
        text = "".join(block.text for block in answer.blocks if isinstance(block, Text)).strip()
        flaws = self._flaws(text)
        if not flaws:
            return None
        why = "; ".join(flaws[:SHOWN])
        if self._tries > self._output.retries:
            raise Problem(
                502,
                "output_invalid",
                f"no answer satisfied `output` ({self._output.name}) in {self._tries} tries; the last one: {why}",
                headers=(NO_RETRY,),
            )
        return gone_on(order.form, order.peek.fields, text, AGAIN.format(why=why))

    def _flaws(self, text: str) -> list[str]:
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            return [f"it is not JSON: {error}"]
        return self._output.flaws(value)
