"""The wire: a state machine per API that holds a whole event stream against the API's rules, as strictly as they allow.

It knows nothing of Turnout and nothing of the SDKs: it reads bytes as a client would, and says what breaks a rule.
"""

from __future__ import annotations

from tests.support.wire.chat import Chat, Completions
from tests.support.wire.messages import Messages
from tests.support.wire.responses import Responses
from tests.support.wire.sse import UNKNOWN, Flaw, events

APIS = ("chat", "completions", "messages", "responses")


def violations(
    api: str,
    stream: bytes,
    *,
    usage: bool | None = None,
    cut: bool = False,
    after: int | None = None,
    strict_items: bool = True,
    unknown: bool = False,
) -> list[str]:
    """Return the rule of `api` that a stream breaks first, as a list of one or none: it is not read any further.

    `usage`: whether the client asked for the usage chunk of chat; None: unknown. `cut`: nobody read the stream to its
    end, so it owes none; what came of an unfinished event is not looked at. `unknown`: fields that the API does not
    have are let through, as clients do. Of responses, `after`: the number of the event after which the stream was
    resumed; `strict_items`: whether an item is done before the next one is added.
    """
    machine: Chat | Completions | Messages | Responses
    if api == "responses":
        machine = Responses(after, strict_items=strict_items)
    else:
        machine = {"chat": Chat, "completions": Completions, "messages": Messages}[api](usage)
    seen = 0
    token = UNKNOWN.set(unknown)
    try:
        for event in events(stream, cut=cut):
            seen += 1
            machine.take(event)
        if not cut:
            machine.end()
    except Flaw as flaw:
        return [f"event {seen}: {flaw}"]
    finally:
        UNKNOWN.reset(token)
    return []
