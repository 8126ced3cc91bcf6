"""The arguments of a tool that stood in for a structured answer become the answer's text. Knows no vendor.

The model may talk before it calls the tool. The client must be able to parse its answer: what was said is held, and
left out once the call comes; without the call it is the answer.
"""

from __future__ import annotations

import msgspec

from engine.chat import (
    Argued,
    Block,
    Call,
    Called,
    Ended,
    Event,
    Finished,
    Lost,
    Response,
    Stop,
    Stopped,
    Text,
    Used,
    Wrote,
)

EMPTY = "{}"


class Shaped:
    """`tool` is the name of the tool as it was sent. Of several calls of it the first is the answer."""

    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._held: list[Event] = []
        """The text so far, and what came after it."""
        self._shape: int | None = None
        """The call that is the answer."""
        self._spoken = False
        """The answer has text."""
        self._others: dict[int, int] = {}
        """Other calls: index in the stream -> index among those that are left."""

    def event(self, event: Event) -> list[Event]:
        if isinstance(event, (Called, Argued)) or (isinstance(event, Ended) and event.index is not None):
            return self._call(event)
        if isinstance(event, (Stopped, Finished)):
            return [*self._release(), self._stop(event)]
        if isinstance(event, (Used, Lost)):
            return [event]
        if self._shape is not None:
            return [] if isinstance(event, Wrote) else [event]
        if isinstance(event, Wrote) or self._held:
            self._held.append(event)
            return []
        return [event]

    def response(self, response: Response) -> Response:
        held: list[Block] = []
        blocks: list[Block] = []
        shaped = False
        for block in response.blocks:
            if isinstance(block, Call) and block.name == self._tool:
                blocks += [one for one in held if not isinstance(one, Text)]
                if not shaped:
                    blocks.append(Text(text=block.arguments.lstrip() or EMPTY))
                shaped, held = True, []
            elif isinstance(block, Call):
                blocks += [*held, block]
                held = []
            elif not (shaped and isinstance(block, Text)):
                held.append(block)
        blocks += held
        if not shaped:
            return response
        stop = response.stop
        if stop.reason == "tool" and not any(isinstance(block, Call) for block in blocks):
            stop = Stop(reason="end")
        return msgspec.structs.replace(response, blocks=tuple(blocks), stop=stop)

    def _call(self, event: Called | Argued | Ended) -> list[Event]:
        index = event.index
        assert index is not None
        if isinstance(event, Called):
            if event.name == self._tool:
                return self._begin(index)
            self._others[index] = len(self._others)
            return [*self._release(), msgspec.structs.replace(event, index=self._others[index])]
        if index in self._others:
            return [msgspec.structs.replace(event, index=self._others[index])]
        if index != self._shape:
            return []
        if isinstance(event, Argued):
            text = event.arguments if self._spoken else event.arguments.lstrip()
            self._spoken = self._spoken or bool(text)
            return [Wrote(text)] if text else []
        return [*self._filled(), Ended(None)]

    def _begin(self, index: int) -> list[Event]:
        if self._shape is not None:
            return []
        self._shape = index
        held, self._held = self._held, []
        return [event for event in held if not isinstance(event, Wrote)]

    def _filled(self) -> list[Event]:
        """A call without arguments is an empty object."""
        if self._spoken or self._shape is None:
            return []
        self._spoken = True
        return [Wrote(EMPTY)]

    def _release(self) -> list[Event]:
        held, self._held = self._held, []
        return held

    def _stop(self, event: Stopped | Finished) -> Event:
        if isinstance(event, Stopped) and event.stop.reason == "tool" and self._shape is not None and not self._others:
            return Stopped(Stop(reason="end"))
        return event
