"""What is to be cached: breakpoints that were stripped, added or misplaced, and prompts that changed for nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.end_to_end.field.house import JSON_OR_STREAM, House, lost, tools
from tests.support.answers import message
from tests.support.script import as_json

if TYPE_CHECKING:
    from tests.support.script import Reply
    from tests.support.upstream import Seen

# 21 and 22: what is to be cached -------------------------------------------------------------------------------------

MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def marked(text: str, mark: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a text block with a cache breakpoint."""
    return {"type": "text", "text": text, "cache_control": mark or MARK}


def marks(value: Any) -> list[Any]:
    """Return every cache breakpoint of a body, in whatever form."""
    if isinstance(value, list):
        return [mark for one in value for mark in marks(one)]
    if not isinstance(value, dict):
        return []
    own = [value[name] for name in ("cache_control", "prompt_cache_breakpoint") if name in value]
    return own + [mark for one in value.values() for mark in marks(one)]


FOUR_MARKS: dict[str, Any] = {
    "tools": [{**tools("read_file")[0], "cache_control": HOUR}],
    "system": [{"type": "text", "text": "You"}, marked("are a train", HOUR)],
    "messages": [
        {"role": "user", "content": [marked("One"), {"type": "text", "text": "two"}, marked("three")]},
    ],
}


def test_21_breakpoints_pass_to_the_vendor(house: House) -> None:
    """cache_control was stripped, and nothing was ever read from the cache.

    https://github.com/maximhq/bifrost/issues/3942
    """
    house.messages(stream=False, **FOUR_MARKS)
    assert {name: house.anthropic.last.json[name] for name in FOUR_MARKS} == FOUR_MARKS


def test_21_and_to_routers_that_take_them_on_chat(house: House) -> None:
    """The same on chat completions, where routers to Anthropic take cache_control on the parts of a message.

    https://github.com/maximhq/bifrost/issues/3942
    """
    messages = [{"role": "system", "content": [marked("You are a train", HOUR)]}, {"role": "user", "content": "Hi"}]
    house.chat("house-router", stream=False, messages=messages)
    assert house.openai.last.json["messages"] == messages


def test_21_breakpoints_cross_from_chat_to_the_vendor(house: House) -> None:
    """The same where such a client is given a model of Anthropic itself.

    https://github.com/maximhq/bifrost/issues/3942
    """
    messages = [
        {"role": "system", "content": [marked("You are a train", HOUR)]},
        {"role": "user", "content": [marked("One"), {"type": "text", "text": "two"}]},
    ]
    answer = house.chat("claude-sonnet-5", stream=False, messages=messages)
    sent = house.anthropic.last.json
    assert sent["system"] == messages[0]["content"]
    assert sent["messages"] == messages[1:]
    assert answer.json["usage"]["prompt_tokens_details"]["cached_tokens"] == 3


def test_22_no_breakpoint_is_added_where_there_are_four(house: House) -> None:
    """A gateway added a breakpoint of its own: `A maximum of 4 blocks with cache_control may be provided. Found 5.`

    https://github.com/NousResearch/hermes-agent/pull/56105
    """
    house.messages(stream=False, **FOUR_MARKS)
    assert len(marks(house.anthropic.last.json)) == len(marks(FOUR_MARKS)) == 4


@JSON_OR_STREAM
def test_22_none_is_added_where_there_is_none(house: House, stream: bool) -> None:
    """Nobody had asked for a cache, and it was paid for.

    https://github.com/NousResearch/hermes-agent/pull/56105
    """
    system = {"role": "system", "content": "You are a train"}
    house.chat("claude-sonnet-5", stream=stream, messages=[system, {"role": "user", "content": "Hi"}])
    assert marks(house.anthropic.last.json) == []


def test_22_more_than_four_become_four(house: House) -> None:
    """A translated request with too many breakpoints keeps the last four, and says which were left out.

    https://github.com/NousResearch/hermes-agent/pull/56105
    """
    parts = [marked(str(number)) for number in range(6)]
    answer = house.chat("claude-sonnet-5", stream=False, messages=[{"role": "user", "content": parts}])
    sent = house.anthropic.last.json["messages"][0]["content"]
    assert ["cache_control" in block for block in sent] == [False, False, True, True, True, True]
    assert lost(answer) == {f"messages[0].content[{number}].cache_control" for number in (0, 1)}


def test_22_other_vendors_are_not_sent_any(house: House) -> None:
    """`ttl: 1h`, and cache_control at all, were sent to upstreams that know no such thing.

    https://github.com/BerriAI/litellm/pull/38790
    """
    house.messages("gpt-5.5", stream=False, **FOUR_MARKS)
    assert marks(house.openai.last.json) == []
    assert b"1h" not in house.openai.last.body


def test_22_a_messages_upstream_that_knows_no_ttl_is_asked_without(house: House) -> None:
    """`ttl: 1h` is refused by other servers of the Messages API: what we wrote is written again without.

    https://github.com/BerriAI/litellm/pull/38790
    """

    def strict(seen: Seen) -> Reply:
        if b'"ttl"' not in seen.body:
            return as_json(message())
        said = "messages.0.content.0.text.cache_control.ephemeral.ttl: Extra inputs are not permitted"
        return as_json({"type": "error", "error": {"type": "invalid_request_error", "message": said}}, 400)

    house.anthropic.answer = strict
    messages = [{"role": "user", "content": [marked("One", HOUR), {"type": "text", "text": "two"}]}]
    for requests in (2, 3):
        house.chat("claude-sonnet-4-5", stream=False, messages=messages)
        assert len(house.anthropic.requests) == requests


# 23: what varies from request to request -----------------------------------------------------------------------------


def from_claude_code(number: int, session: str) -> dict[str, Any]:
    """Return what Claude Code sends; only the first block of the system prompt differs from request to request."""
    who = json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": session})
    return {
        "system": [
            {"type": "text", "text": f"x-anthropic-billing-header: cc_version=2.1; cch={number:05x};"},
            {"type": "text", "text": "You are a coding agent", "cache_control": MARK},
        ],
        "metadata": {"user_id": who},
    }


def test_23_volatile_headers_stay_out_of_the_prompt(house: House) -> None:
    """The billing line in the system prompt changed with every request, and no cache ever hit.

    https://github.com/CaddyGlow/ccproxy-api/issues/61
    """
    for number, session in ((1, "s-1"), (2, "s-1"), (3, "s-2")):
        house.messages("gpt-5.5", stream=False, **from_claude_code(number, session))
    first, second, other = (seen.json for seen in house.openai.requests)
    assert first == second
    assert [message["content"] for message in first["messages"]] == ["You are a coding agent", "Hi"]
    assert first["prompt_cache_key"] == "s-1"
    assert other["prompt_cache_key"] == "s-2"
    assert first["messages"] == other["messages"]


def test_23_the_vendor_itself_gets_them(house: House) -> None:
    """At Anthropic the line is billing: it stays, in its place and in a block of its own.

    https://github.com/CaddyGlow/ccproxy-api/issues/61
    """
    asked = from_claude_code(1, "s-1")
    house.messages(stream=False, **asked)
    assert house.anthropic.last.json["system"] == asked["system"]


def test_23_the_cache_key_of_a_client_is_its_own(house: House) -> None:
    """prompt_cache_key was overwritten with something that changed.

    https://github.com/CaddyGlow/ccproxy-api/issues/61
    """
    house.chat("gpt-5.5", stream=False, prompt_cache_key="mine")
    assert house.openai.last.json["prompt_cache_key"] == "mine"
