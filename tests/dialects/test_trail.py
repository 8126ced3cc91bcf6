"""Wherever a stream of text is cut between two events, an encoder goes on with it: valid, and nothing said twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.chat import Argued, Called, Ended, Finished, Stop, Stopped, Usage, Used, Wrote
from engine.dialects import CODECS
from engine.dialects.codec import Asked
from tests.support.apis import APIS, CHAT, MESSAGES, payloads
from tests.support.wire import violations

if TYPE_CHECKING:
    from engine.chat import Event
    from tests.support.apis import Api

EACH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
ASKED = Asked(model="asked", id="abc123", created=1_800_000_000, usage=False)
REST: list[Event] = [
    Wrote(" and"),
    Wrote(" on"),
    Stopped(Stop(reason="end")),
    Used(Usage(input=1, output=2)),
    Finished(),
]


def wrong(api: Api, stream: bytes) -> list[str]:
    return list(violations(api.name, stream, usage=False if api is CHAT else None, cut=False))


@EACH
def test_wherever_it_is_cut_it_goes_on(api: Api) -> None:
    events = api.events("It goes", " on")
    goes_on = 0
    for cut in range(api.lifecycle, len(events)):  # nothing goes out before content has come
        trail = CODECS[api.name].trail()
        begun = b"".join(events[:cut])
        assert trail.feed(begun) == begun
        assert trail.plain
        if trail.stopped:
            continue
        goes_on += 1
        assert trail.text == api.text(begun)
        stream = begun + trail.encoder(ASKED).feed(REST)
        assert wrong(api, stream) == []
        assert api.text(stream) == trail.text + " and on"
    assert goes_on >= 3


@EACH
def test_it_goes_on_more_than_once(api: Api) -> None:
    trail = CODECS[api.name].trail()
    stream = b"".join(api.begun("It goes", " on"))
    trail.feed(stream)
    for _ in range(3):
        more = trail.encoder(ASKED).feed([Wrote(", on")])
        assert trail.feed(more) == more
        stream += more
    stream += trail.encoder(ASKED).feed(REST)
    assert wrong(api, stream) == []
    assert api.text(stream) == "It goes on, on, on, on and on"


@EACH
def test_a_call_may_follow(api: Api) -> None:
    trail = CODECS[api.name].trail()
    stream = b"".join(api.begun("It goes", " on"))
    trail.feed(stream)
    call: list[Event] = [Called(0, "call_1", "read"), Argued(0, '{"a": 1}'), Ended(0)]
    more = trail.encoder(ASKED).feed([Wrote("!"), *call, Stopped(Stop(reason="tool")), Finished()])
    assert wrong(api, stream + more) == []
    trail.feed(more)
    assert not trail.plain


@EACH
def test_what_is_no_json_goes_to_nobody(api: Api) -> None:
    trail = CODECS[api.name].trail()
    begun = b"".join(api.begun("It goes", " on"))
    assert trail.feed(begun + b"data: {oops\n\n" + b"".join(api.events()[-1:])) == begun
    assert trail.text == "It goes on"


@EACH
def test_what_it_has_told_stays_as_it_was(api: Api) -> None:
    """Ids, the model and the time are those of the first target."""
    trail = CODECS[api.name].trail()
    begun = b"".join(api.begun("It goes", " on"))
    trail.feed(begun)
    told = payloads(begun + trail.encoder(ASKED).feed(REST))
    if api is CHAT:
        assert len({(one["id"], one["created"], one["model"]) for one in told}) == 1
    elif api is not MESSAGES:
        first, last = told[0]["response"], told[-1]["response"]
        assert {name: last[name] for name in ("id", "created_at", "model", "store")} == {
            name: first[name] for name in ("id", "created_at", "model", "store")
        }
        assert len({one["item_id"] for one in told if "item_id" in one}) == 1


def test_too_much_text_is_not_kept() -> None:
    trail = CODECS["chat"].trail()
    for _ in range(5):
        trail.feed(b"".join(CHAT.begun("x" * 300_000)))
    assert (trail.plain, trail.text) == (False, "")
