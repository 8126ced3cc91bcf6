"""Fields and flags that were dropped without a word, or passed on to who refuses them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import JSON_OR_STREAM, House, file, good, lost
from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import post
from tests.support.passing import fields
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MODELS = """
  third-party: {targets: [anthropic/claude-sonnet-5], unset: [context_management, metadata.user_id]}
  strict-claude: {targets: [anthropic/claude-sonnet-5], strip: [context-1m-*]}
  cloud-claude: cloud/claude-sonnet-5
  exacting: {targets: [openai/gpt-5.5], translation: strict}
"""
STRIP = "[fast-mode-*, context-management-2025-06-27, redact-thinking-*]"


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    cloud = f'  cloud: {{kind: anthropic, base_url: "{_anthropic.url}", strip: {STRIP}}}'
    return start(file(_openai, _anthropic, upstreams=cloud, models=MODELS))


# 24 and 25: fields that nobody here knows ----------------------------------------------------------------------------

UNKNOWN: dict[str, Any] = {
    "provider": {"order": ["a"]},
    "chat_template_kwargs": {"x": None},
    "a_new_thing": [1.0, None],
}


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_24_unknown_fields_pass(house: House, api: Api) -> None:
    """Fields that a gateway did not know were stripped without a word.

    https://github.com/maximhq/bifrost/issues/5764 and https://github.com/mozilla-ai/any-llm/issues/1106
    """
    upstream = house.anthropic if api is MESSAGES else house.openai
    body = api.body(api.upstream_model, **UNKNOWN)
    kind = "input_text" if api is RESPONSES else "text"
    turns = [{"role": "user", "content": [{"type": kind, "text": "Hi", "novel": {"b": 1}}], "also": 2}]
    body["input" if api is RESPONSES else "messages"] = turns
    good(post(house.turnout.url, api.path, body, (("x-novel-header", "kept"),)))
    assert upstream.last.json == body
    assert upstream.last.header("x-novel-header") == "kept"


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_24_unknown_fields_of_answers_pass(house: House, api: Api) -> None:
    """The same on the way back.

    https://github.com/BerriAI/litellm/pull/31697
    """
    upstream = house.anthropic if api is MESSAGES else house.openai
    told = {**json.loads(api.whole().body), "novel": {"a": [1]}}
    upstream.script(as_json(told))
    assert good(house.ask(api, api.upstream_model)).json == told


@pytest.mark.odd_stream("an upstream with fields that nobody knows")
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_24_unknown_fields_of_streams_pass(house: House, api: Api) -> None:
    """The same on the way back.

    https://github.com/BerriAI/litellm/pull/31697
    """
    upstream = house.anthropic if api is MESSAGES else house.openai
    events = [one.replace(b'"delta": ', b'"novel": 1, "delta": ') for one in api.events()]
    upstream.script(as_stream(events))
    stream = good(house.ask(api, api.upstream_model, stream=True)).body
    assert stream.count(b'"novel"') == stream.count(b'"delta":') >= 2


@pytest.mark.parametrize(("api", "model"), [(CHAT, "claude-sonnet-5"), (MESSAGES, "gpt-5.5")], ids=["chat", "messages"])
def test_24_where_they_cannot_cross_the_client_is_told(house: House, api: Api, model: str) -> None:
    """A translation that leaves a field out says so.

    https://github.com/maximhq/bifrost/issues/5764
    """
    answer = good(house.ask(api, model, **UNKNOWN))
    assert set(UNKNOWN) <= lost(answer)


def test_24_or_is_refused_if_it_wants_to_be(house: House) -> None:
    """With `translation: strict` nothing is left out: the request is refused, and the field named.

    https://github.com/maximhq/bifrost/issues/5764
    """
    answer = house.ask(MESSAGES, "exacting", provider={"order": ["a"]})
    assert answer.status == 400
    assert "provider" in MESSAGES.error(answer)["message"]
    assert house.openai.requests == []


MANAGED: dict[str, Any] = {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}}


@JSON_OR_STREAM
def test_25_an_entry_takes_out_what_its_upstream_refuses(house: House, stream: bool) -> None:
    """A third-party upstream of the Messages API rejects context_management, which Claude Code always sends.

    https://github.com/KarpelesLab/teamclaude/pull/244
    """
    more = {"metadata": {"user_id": "u", "kept": True}, "a_new_thing": [1.0]}
    body = MESSAGES.body("third-party", stream=stream, **more, **MANAGED)
    good(post(house.turnout.url, MESSAGES.path, body))
    sent = house.anthropic.last
    assert sent.header("content-length") == str(len(sent.body))
    assert sent.json == {**MESSAGES.body("claude-sonnet-5", stream=stream), **more, "metadata": {"kept": True}}
    house.messages(stream=False, **MANAGED)
    assert house.anthropic.last.json["context_management"] == MANAGED["context_management"]


def test_25_the_rest_of_the_body_stays_byte_for_byte(house: House) -> None:
    """Taking a field out does not write the others anew.

    https://github.com/KarpelesLab/teamclaude/pull/244
    """
    messages = b'[ {"role":"user" , "content":"caf\\u00e9 1.0"} ]'
    body = b'{"model":"third-party","context_management":{},"max_tokens":64,"messages":%s}' % messages
    good(post(house.turnout.url, MESSAGES.path, body))
    assert dict(fields(house.anthropic.last.body))["messages"] == messages


def test_25_a_translation_leaves_it_out_and_says_so(house: House) -> None:
    """Chat completions have no such thing.

    https://github.com/KarpelesLab/teamclaude/pull/244
    """
    answer = house.messages("gpt-5.5", stream=False, **MANAGED)
    assert "context_management" not in house.openai.last.json
    assert lost(answer) == {"context_management"}


# 27: beta flags ------------------------------------------------------------------------------------------------------

FLAGS = ("claude-code-20250219", "fast-mode-2026-02-01", "context-management-2025-06-27", "context-1m-2025-08-07")


@pytest.mark.parametrize(
    ("model", "passed"),
    [
        ("claude-sonnet-5", FLAGS),
        ("cloud-claude", (FLAGS[0], FLAGS[3])),
        ("strict-claude", FLAGS[:3]),
    ],
)
def test_27_each_upstream_gets_the_flags_it_knows(house: House, model: str, passed: tuple[str, ...]) -> None:
    """Every anthropic-beta value was forwarded to clouds that refuse unknown ones: `invalid beta flag`.

    LiteLLM, incident report of 2026-02-13
    """
    headers = (("anthropic-beta", ",".join(FLAGS)), ("anthropic-version", "2023-06-01"))
    good(house.ask(MESSAGES, model, headers))
    sent = house.anthropic.last
    assert sent.header("anthropic-beta") == ",".join(passed)
    assert sent.header("anthropic-version") == "2023-06-01"


def test_27_a_list_without_flags_is_not_sent(house: House) -> None:
    """An empty anthropic-beta is refused as well.

    LiteLLM, incident report of 2026-02-13
    """
    good(house.ask(MESSAGES, "cloud-claude", (("anthropic-beta", "fast-mode-2026-02-01, redact-thinking-2026-02-12"),)))
    assert house.anthropic.last.header("anthropic-beta") is None


def test_27_no_flag_crosses_to_another_api(house: House) -> None:
    """Chat upstreams get no header of Anthropic's.

    LiteLLM, incident report of 2026-02-13
    """
    headers = (("anthropic-beta", ",".join(FLAGS)), ("anthropic-version", "2023-06-01"))
    good(house.ask(MESSAGES, "gpt-5.5", headers))
    assert [name for name, _ in house.openai.last.headers if name.startswith("anthropic")] == []
