"""The output of one stream: which event belongs to which item, and what of it was not told yet.

An item is known by its id, else by its output_index, else it is the last one of its kind. Servers that imitate the API
leave out events, give each event another item_id, or every item the same index. A text comes up to five times: in
pieces, at the end of the text, of its part, of its item, and of the response; each is told once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.chat import Argued, Called, Ended, Lost, Refused, Sealed, Signed, Thought
from engine.dialects.failure import text
from engine.dialects.lost import foreign
from engine.dialects.openai.arguments import broken, is_object
from engine.dialects.responses.read_output import (
    ARGUMENTS,
    CALLS,
    KNOWN,
    arguments,
    call_id,
    lost,
    name_of,
    pieces,
    seal_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Event, Loss
    from engine.dialects.responses.read_output import Place, Spoken


class Said:
    """A text as far as it was told."""

    __slots__ = ("pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.size = 0

    def add(self, piece: str) -> None:
        self.pieces.append(piece)
        self.size += len(piece)

    def rest(self, whole: str) -> str:
        """Return what is missing to `whole`; nothing where it was told otherwise."""
        if len(whole) <= self.size:
            return ""
        told = "".join(self.pieces)
        return whole[self.size :] if whole.startswith(told) else ""


class Item:
    """An item that has begun."""

    __slots__ = ("at", "call", "call_id", "done", "given", "kind", "texts", "whole")

    def __init__(self, kind: str, at: str, given: dict[str, Any]) -> None:
        self.kind = kind
        self.at = at
        """Its path in the response."""
        self.given = {name: value for name, value in given.items() if name != "encrypted_content"}
        """What came with its beginning: it counts only if nobody tells its end. A seal is not whole there."""
        self.texts: dict[Place, Said] = {}
        self.call: int | None = None
        """The number of a call among the calls given out; None until its name is known."""
        self.call_id = ""
        self.whole = ""
        """The arguments of a call as its end told them."""
        self.done = False

    def arguments(self) -> str:
        said = self.texts.get(ARGUMENTS)
        return "".join(said.pieces) if said is not None else ""

    @property
    def broken(self) -> bool:
        """Say whether a function was called with what was to be a JSON object and did not become one."""
        if self.kind != "function_call":
            return False
        said = self.arguments()
        return broken(said) or (said != self.whole and is_object(self.whole) and not is_object(said))


class Output:
    """Turns the events of items into `Wrote`, `Thought`, `Called` and the like."""

    __slots__ = ("_by_call", "_by_id", "_by_index", "_calls", "_ids", "_items", "_last", "_lost", "_run", "refused")

    def __init__(self) -> None:
        self.refused = False
        self._items: list[Item] = []
        self._by_id: dict[str, Item] = {}
        self._by_index: dict[int, Item] = {}
        self._by_call: dict[str, Item] = {}
        self._last: dict[str, Item] = {}
        """Kind -> the item of it that began last."""
        self._run: tuple[Item, Place] | None = None
        """The text that is being told."""
        self._calls: list[Item] = []
        self._ids: set[str] = set()
        """The ids of calls that were given out: one given twice counts as none."""
        self._lost: set[tuple[str, str]] = set()

    @property
    def called(self) -> bool:
        return bool(self._calls)

    @property
    def nameless(self) -> bool:
        """Say whether a call never got its name."""
        return any(item.call is None for item in self._items if item.kind in CALLS)

    @property
    def broken(self) -> bool:
        """Say whether a function was called with what was to be a JSON object and did not become one."""
        return any(item.broken for item in self._calls)

    def added(self, event: dict[str, Any], told: dict[str, Any], out: list[Event]) -> None:
        """Item `told` begins. What it holds already is told again at its end."""
        kind = text(told.get("type"))
        item = self._by_id.get(text(told.get("id")))
        if item is None or item.kind != kind:
            self._begin(kind, event, told, out)
        elif kind in CALLS:
            self._call(item, told, out)

    def item(self, event: dict[str, Any], kind: str, out: list[Event]) -> Item:
        """Return the item of this kind that an event belongs to; one that was not told to begin begins here."""
        return self._find(event, kind) or self._begin(kind, event, {}, out)

    def say(self, item: Item, said: Spoken, place: Place, piece: str, out: list[Event]) -> None:
        """A text of `item` goes on."""
        if not piece or item.done:
            return
        run = self._run
        before = ""
        if run is None or run[0] is not item or run[1] != place:
            before = "\n\n" if said is Thought and item.texts and place not in item.texts else ""
            if run is not None and not (before and run[0] is item):
                out.append(Ended())
            self._run = (item, place)
        item.texts.setdefault(place, Said()).add(piece)
        self.refused = self.refused or said is Refused
        out.append(said(before + piece))

    def settle(self, item: Item, said: Spoken, place: Place, whole: str, out: list[Event]) -> None:
        """A text of `item` is complete."""
        told = item.texts.get(place)
        self.say(item, said, place, whole if told is None else told.rest(whole), out)

    def argue(self, item: Item, piece: str, out: list[Event]) -> None:
        """The arguments of a call go on."""
        if not piece or item.done:
            return
        item.texts.setdefault(ARGUMENTS, Said()).add(piece)
        if item.call is not None:
            out.append(Argued(item.call, piece))

    def argued(self, item: Item, whole: str, out: list[Event]) -> None:
        """The arguments of a call are complete."""
        told = item.texts.get(ARGUMENTS)
        item.whole = whole or item.whole
        self.argue(item, whole if told is None else told.rest(whole), out)

    def annotated(self, item: Item, index: int, out: list[Event]) -> None:
        """Part number `index` of a message has an annotation."""
        self._lose([foreign("annotations", f"{item.at}.content[{index}].annotations")], out)

    def done(self, event: dict[str, Any], told: dict[str, Any], out: list[Event]) -> None:
        """Item `told` is complete."""
        kind = text(told.get("type"))
        self._close(self._ended(event, kind, told) or self._begin(kind, event, told, out), told, out)

    def complete(self, output: Iterable[dict[str, Any]], out: list[Event]) -> None:
        """The response is complete: end what is open. What no event told stands in its `output`, of each kind in order:
        neither ids nor places need be those of the events."""
        told: dict[str, list[Item]] = {}
        for item in reversed(self._items):
            told.setdefault(item.kind, []).append(item)
        for index, one in enumerate(output):
            kind = text(one.get("type"))
            same = told.get(kind)
            self._close(same.pop() if same else self._begin(kind, {"output_index": index}, one, out), one, out)
        for item in self._items:
            self._close(item, item.given, out)

    def end(self, out: list[Event]) -> None:
        """Nothing more comes: end the calls that were left open, because there was more to come of them."""
        out += [Ended(item.call) for item in self._calls if item.call is not None and item.broken]

    def _find(self, event: dict[str, Any], kind: str) -> Item | None:
        item = self._by_id.get(text(event.get("item_id")))
        if item is not None and item.kind == kind:
            return item
        index = event.get("output_index")
        if type(index) is int:
            item = self._by_index.get(index)
            if item is None or item.kind == kind:
                return item
        item = self._last.get(kind)
        return None if item is None or item.done else item

    def _ended(self, event: dict[str, Any], kind: str, told: dict[str, Any]) -> Item | None:
        """Return the item that is told to be complete; None if it is one that was not told to begin."""
        item = self._by_id.get(text(told.get("id")))
        if item is not None and item.kind == kind:
            return item
        ident = text(told.get("call_id"))
        item = self._by_call.get(ident)
        if item is None or item.kind != kind or item.done:
            item = self._find({"output_index": event.get("output_index")}, kind)
        if item is None or item.done or (ident and item.call_id and ident != item.call_id):
            return None
        return item

    def _begin(self, kind: str, event: dict[str, Any], told: dict[str, Any], out: list[Event]) -> Item:
        index = event.get("output_index")
        place = index if type(index) is int else len(self._items)
        item = Item(kind, f"output[{place}]", told)
        self._items.append(item)
        self._last[kind] = item
        self._by_index[place] = item
        if ident := text(told.get("id")) or text(event.get("item_id")):
            self._by_id[ident] = item
        if kind in CALLS:
            self._call(item, told, out)
        elif kind not in KNOWN:
            self._lose([foreign(kind, item.at)], out)
        return item

    def _call(self, item: Item, told: dict[str, Any], out: list[Event]) -> None:
        """Note what is known of a call, and begin it once it has a name."""
        item.call_id = item.call_id or text(told.get("call_id"))
        if item.call_id:
            self._by_call.setdefault(item.call_id, item)
        name = name_of(told)
        if item.call is not None or not name:
            return
        item.call = len(self._calls)
        self._calls.append(item)
        self._run = None
        ident = item.call_id or call_id(told)
        out.append(Called(item.call, "" if ident in self._ids else ident, name, CALLS[item.kind]))
        self._ids.add(ident)
        if said := item.arguments():
            out.append(Argued(item.call, said))

    def _close(self, item: Item, told: dict[str, Any], out: list[Event]) -> None:
        """End an item, of which `told` is all there is to know."""
        if item.done:
            return
        if item.kind in CALLS:
            self._call(item, told, out)
            self.argued(item, arguments(told), out)
            if item.call is not None and not item.broken:
                out.append(Ended(item.call))
        elif item.kind in KNOWN:
            for piece in pieces(told):
                if piece.said is not None:
                    self.settle(item, piece.said, piece.place, piece.text, out)
                else:
                    self._lose([foreign(text(piece.part.get("type")), f"{item.at}.content[{piece.place[1]}]")], out)
            self._lose(lost(told, item.at), out)
            self._end_text(item, seal_of(told) if item.kind == "reasoning" else None, out)
        item.done = True

    def _end_text(self, item: Item, seal: str | None, out: list[Event]) -> None:
        """End a message or reasoning; a seal is on the text right before it, or on what nobody was told."""
        open_ = self._run is not None and self._run[0] is item
        if seal is not None:
            out.append(Signed(seal, "responses") if open_ else Sealed(seal, "responses"))
        elif open_:
            out.append(Ended())
        if seal is not None or open_:
            self._run = None

    def _lose(self, losses: Iterable[Loss], out: list[Event]) -> None:
        for loss in losses:
            if (loss.grade, loss.reason) not in self._lost:
                self._lost.add((loss.grade, loss.reason))
                out.append(Lost(loss))
