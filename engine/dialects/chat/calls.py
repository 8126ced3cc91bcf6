"""The tool calls of one chat stream: which fragment belongs to which call.

`index` is the only key that the API gives fragments (openai 3.54: types/chat/chat_completion_chunk.py). Servers that
imitate it leave it out, or give every call the same one; then the id tells calls apart, then the place in the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Argued, Called, Ended
from engine.dialects.chat.said import Said
from engine.dialects.openai.arguments import broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.chat import Event, Kind
    from engine.dialects.chat.piece import Fragment


class Calling:
    """A call that has begun. `index` is its number among the calls given out, None until its name is known."""

    __slots__ = ("ended", "id", "index", "kind", "name", "said")

    def __init__(self) -> None:
        self.index: int | None = None
        self.id = ""
        self.name = ""
        self.kind: Kind = "function"
        self.said = Said()
        """Its arguments."""
        self.ended = False

    def complete(self) -> bool:
        return self.kind == "function" and self.said.complete()

    def broken(self) -> bool:
        return self.kind == "function" and broken(self.said.text())


class Calls:
    """Turns fragments into `Called`, `Argued` and `Ended`."""

    __slots__ = ("_all", "_by_id", "_by_index", "_by_place", "_grown", "count")

    def __init__(self) -> None:
        self.count = 0
        """How many calls were given out."""
        self._all: list[Calling] = []
        self._grown: set[Calling] = set()
        """The calls that may have become whole since this was asked last."""
        self._by_index: dict[int, Calling] = {}
        self._by_id: dict[str, Calling] = {}
        self._by_place: dict[int, Calling] = {}

    @property
    def nameless(self) -> bool:
        """Say whether a call never got its name."""
        return any(call.index is None and (call.id or call.said.text().strip()) for call in self._all)

    @property
    def broken(self) -> bool:
        """Say whether a call that began as a JSON object did not become one."""
        return any(call.broken() for call in self._all)

    def take(self, fragments: Sequence[Fragment], events: list[Event]) -> None:
        """Give out what the fragments of one delta say."""
        used: set[Calling] = set()
        for place, fragment in enumerate(fragments):
            call = self._find(fragment, place, alone=len(fragments) == 1)
            if call is None or (call in used and fragment.index is None) or _begins_another(call, fragment):
                call = self._begin(fragment, place)
            used.add(call)
            self._add(call, fragment, events)

    def settle(self, events: list[Event]) -> None:
        """Something else comes: end the calls whose arguments are whole."""
        for call in sorted(self._grown, key=lambda one: one.index or 0):
            if not call.ended and call.complete():
                self._close(call, events)
        self._grown.clear()

    def end(self, events: list[Event]) -> None:
        """End every call."""
        for call in sorted(self._all, key=lambda one: one.index or 0):
            if not call.ended and call.index is not None:
                self._close(call, events)

    def _find(self, fragment: Fragment, place: int, *, alone: bool) -> Calling | None:
        """Return the call that a fragment continues, as far as its keys tell."""
        if fragment.index is not None:
            return self._by_index.get(fragment.index)
        if fragment.id:
            return self._by_id.get(fragment.id)
        if alone and not fragment.name and self._all:
            return self._all[-1]
        return self._by_place.get(place)

    def _begin(self, fragment: Fragment, place: int) -> Calling:
        call = Calling()
        if fragment.id not in self._by_id:  # an id given twice counts as none
            call.id = fragment.id
        if fragment.id:
            self._by_id[fragment.id] = call
        self._all.append(call)
        self._by_place[place] = call
        if fragment.index is not None:
            self._by_index[fragment.index] = call
        return call

    def _add(self, call: Calling, fragment: Fragment, events: list[Event]) -> None:
        if not call.id and fragment.id not in self._by_id and call.index is None:
            call.id = fragment.id
        if fragment.id:
            self._by_id.setdefault(fragment.id, call)
        if fragment.arguments and not call.ended:
            call.said.add(fragment.arguments)
        if call.index is not None:
            if fragment.arguments and not call.ended:
                self._grown.add(call)
                events.append(Argued(call.index, fragment.arguments))
            return
        call.kind = fragment.kind if fragment.name else call.kind
        call.name = fragment.name
        if not call.name:
            return
        self.settle(events)
        call.index = self.count
        self.count += 1
        events.append(Called(call.index, call.id, call.name, call.kind))
        if said := call.said.text():
            self._grown.add(call)
            events.append(Argued(call.index, said))

    def _close(self, call: Calling, events: list[Event]) -> None:
        assert call.index is not None
        call.ended = True
        events.append(Ended(call.index))


def _begins_another(call: Calling, fragment: Fragment) -> bool:
    """Say whether a fragment that has the key of `call` is a call of its own: it has a name, and another id, another
    name, or arguments where those of `call` are whole."""
    if not fragment.name or not call.name:
        return False
    if (fragment.id and call.id and fragment.id != call.id) or fragment.name != call.name:
        return True
    return bool(fragment.arguments.strip()) and call.complete()
