"""What Turnout itself answers, in each API's form; the vendors' SDK types are the judges."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import anthropic.types
import httpx2
import openai
import openai.types
import pytest
from anthropic.types import ModelInfo
from pydantic import TypeAdapter

from engine.chat import Problem
from engine.dialects import ANTHROPIC, OPENAI
from engine.dialects.base import Failing, ModelCard
from engine.dialects.sse import parse

if TYPE_CHECKING:
    from engine.chat import Api

CODES: list[tuple[int, str, str, str | None, str]] = [
    # status, code, OpenAI's type, OpenAI's code, Anthropic's type
    (400, "invalid_request", "invalid_request_error", None, "invalid_request_error"),
    (400, "invalid_path", "invalid_request_error", "invalid_path", "invalid_request_error"),
    (400, "missing_host", "invalid_request_error", "missing_host", "invalid_request_error"),
    (400, "context_length", "invalid_request_error", "context_length_exceeded", "invalid_request_error"),
    (400, "content_filter", "invalid_request_error", "content_policy_violation", "invalid_request_error"),
    (401, "invalid_api_key", "invalid_request_error", "invalid_api_key", "authentication_error"),
    (401, "missing_api_key", "invalid_request_error", "invalid_api_key", "authentication_error"),
    (401, "expired_api_key", "invalid_request_error", "invalid_api_key", "authentication_error"),
    (401, "disabled_api_key", "invalid_request_error", "invalid_api_key", "authentication_error"),
    (403, "model_not_allowed", "invalid_request_error", "model_not_allowed", "permission_error"),
    (403, "route_denied", "invalid_request_error", "route_denied", "permission_error"),
    (403, "forbidden_origin", "invalid_request_error", "forbidden_origin", "permission_error"),
    (404, "model_not_found", "invalid_request_error", "model_not_found", "not_found_error"),
    (404, "not_found", "invalid_request_error", "not_found", "not_found_error"),
    (405, "method_not_allowed", "invalid_request_error", "method_not_allowed", "invalid_request_error"),
    (408, "request_timeout", "invalid_request_error", "request_timeout", "invalid_request_error"),
    (413, "body_too_large", "invalid_request_error", "body_too_large", "request_too_large"),
    (415, "unsupported_media_type", "invalid_request_error", "unsupported_media_type", "invalid_request_error"),
    (421, "unknown_host", "invalid_request_error", "unknown_host", "invalid_request_error"),
    (429, "rate_limited", "requests", "rate_limit_exceeded", "rate_limit_error"),
    (429, "quota", "insufficient_quota", "insufficient_quota", "billing_error"),
    (431, "headers_too_large", "invalid_request_error", "headers_too_large", "invalid_request_error"),
    (500, "internal", "server_error", "internal", "api_error"),
    (501, "unsupported_api", "server_error", "unsupported_api", "api_error"),
    (502, "upstream_unreachable", "server_error", "upstream_unreachable", "api_error"),
    (502, "upstream_auth", "server_error", "upstream_auth", "api_error"),
    (502, "upstream_disconnect", "server_error", "upstream_disconnect", "api_error"),
    (503, "no_target", "server_error", "no_target", "api_error"),
    (504, "upstream_timeout", "server_error", "upstream_timeout", "timeout_error"),
    (529, "overloaded", "server_error", "overloaded", "overloaded_error"),
    (418, "teapot", "invalid_request_error", "teapot", "invalid_request_error"),
    (422, "unprocessable", "invalid_request_error", "unprocessable", "invalid_request_error"),
    (409, "conflict", "invalid_request_error", "conflict", "conflict_error"),
]

STATUSES: dict[int, tuple[int, int]] = {422: (422, 400), 502: (502, 500), 529: (503, 529)}
"""Status -> what it is to clients of OpenAI's and of Anthropic's API; every other is the same to both."""
OUT_OF_QUOTA = (429, 402)
"""A spent quota is a limit to OpenAI, a bill to Anthropic, whatever the upstream's status was."""


FAILING = Failing(request="req_1", model="m", created=1)


@pytest.mark.parametrize(("status", "code", "kind", "vendor_code", "anthropic_kind"), CODES)
def test_every_problem_has_both_forms(
    status: int, code: str, kind: str, vendor_code: str | None, anthropic_kind: str
) -> None:
    problem = Problem(status, code, "what to do", param="messages[0]")
    assert json.loads(OPENAI.error(problem, "req_1")) == {
        "error": {"message": "what to do", "type": kind, "param": "messages[0]", "code": vendor_code}
    }
    error = json.loads(ANTHROPIC.error(problem, "req_1"))
    message = "prompt is too long: what to do" if code == "context_length" else "what to do"
    assert error == {
        "type": "error",
        "error": {"type": anthropic_kind, "message": message},
        "request_id": "req_1",
    }
    told = OUT_OF_QUOTA if code == "quota" else STATUSES.get(status, (status, status))
    assert (OPENAI.status(problem), ANTHROPIC.status(problem)) == told
    if anthropic_kind not in ("request_too_large", "conflict_error"):  # the API has them, the SDK's union does not
        TypeAdapter(anthropic.types.ErrorResponse).validate_python(error, strict=True, extra="forbid")


TOO_LONG = [
    ("prompt is too long: 9 tokens > 8 maximum", "prompt is too long: 9 tokens > 8 maximum"),
    ("the input is long", "prompt is too long: the input is long"),
    (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 140213 tokens.",
        "prompt is too long: 140213 tokens > 128000 maximum",
    ),
    (
        "This model's maximum context length is 8192 tokens. However, you requested about 9000 tokens",
        "prompt is too long: 9000 tokens > 8192 maximum",
    ),
    (
        "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it",
        "prompt is too long: 9000 tokens > 8192 maximum",
    ),
    (
        "Please reduce the length of the messages or completion. (requested 9000 tokens, max 8192)",
        "prompt is too long: 9000 tokens > 8192 maximum",
    ),
    (
        "This model's maximum context length is 32768 tokens. However, you requested 34000 tokens (33000 in the "
        "messages, 1000 in the completion).",
        "prompt is too long: 33000 tokens > 32768 maximum",
    ),
    (
        "This model's maximum context length is 32768 tokens. However, you requested 34000 tokens (2000 in the "
        "messages, 32000 in the completion).",
        "input length and `max_tokens` exceed context limit: 2000 + 32000 > 32768, decrease input length or "
        "`max_tokens` and try again",
    ),
    (
        "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 "
        "tokens and your request has 2000 input tokens (32000 > 32768 - 2000).",
        "input length and `max_tokens` exceed context limit: 2000 + 32000 > 32768, decrease input length or "
        "`max_tokens` and try again",
    ),
    (
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
    ),
    ("Input is too long for requested model.", "prompt is too long: Input is too long for requested model."),
]


@pytest.mark.parametrize(("said", "told"), TOO_LONG)
def test_a_context_that_is_exceeded_is_told_to_claude_code_in_the_words_it_compacts_at(said: str, told: str) -> None:
    problem = Problem(400, "context_length", said)
    assert json.loads(ANTHROPIC.error(problem, "req_1"))["error"]["message"] == told
    assert json.loads(OPENAI.error(problem, "req_1"))["error"]["message"] == said
    other = Problem(400, "invalid_request", said)
    assert json.loads(ANTHROPIC.error(other, "req_1"))["error"]["message"] == said


def test_the_sdks_raise_what_they_have_for_it() -> None:
    problem = Problem(404, "model_not_found", "no model `x`")

    def answer(request: httpx2.Request) -> httpx2.Response:
        form = ANTHROPIC if request.url.path.endswith("messages") else OPENAI
        return httpx2.Response(404, content=form.error(problem, "req_1"), headers={"content-type": "application/json"})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    ask: list[Any] = [{"role": "user", "content": "hi"}]
    with pytest.raises(openai.NotFoundError, match="no model `x`") as one:
        openai.OpenAI(api_key="x", http_client=http, max_retries=0).chat.completions.create(model="x", messages=ask)
    assert one.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError, match="no model `x`"):
        anthropic.Anthropic(api_key="x", http_client=http, max_retries=0).messages.create(
            model="x", messages=ask, max_tokens=1
        )


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_an_openai_stream_ends_in_one_error_event(api: Api) -> None:
    event = OPENAI.stream_error(api, Problem(502, "upstream_disconnect", "gone"), FAILING)
    name, data = parse(event)
    assert (name, event.count(b"\n\n"), b"[DONE]" in event) == (b"", 1, False)
    assert json.loads(data or b"")["error"]["message"] == "gone"
    assert OPENAI.keepalive(api) == b": keep-alive\n\n"


def test_an_anthropic_stream_ends_in_one_error_event() -> None:
    event = ANTHROPIC.stream_error("messages", Problem(529, "overloaded", "busy"), FAILING)
    name, data = parse(event)
    assert (name, event.count(b"\n\n")) == (b"error", 1)
    assert json.loads(data or b"") == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "busy"},
        "request_id": "req_1",
    }
    assert ANTHROPIC.keepalive("messages") == b'event: ping\ndata: {"type": "ping"}\n\n'


CARDS = [ModelCard(id=f"model-{number}", owner="team", created=1_767_225_600 + number) for number in range(5)]


def test_models_in_the_form_of_openai() -> None:
    listed = json.loads(OPENAI.models(CARDS, {"limit": "1"}))
    assert listed["object"] == "list"
    models = TypeAdapter(list[openai.types.Model]).validate_python(listed["data"], strict=True, extra="forbid")
    assert [model.id for model in models] == [card.id for card in CARDS]
    one = openai.types.Model.model_validate_json(OPENAI.model(CARDS[0]), strict=True, extra="forbid")
    assert (one.id, one.owned_by, one.created) == ("model-0", "team", 1_767_225_600)


def test_models_in_the_form_of_anthropic() -> None:
    one = ModelInfo.model_validate_json(ANTHROPIC.model(CARDS[0]), strict=True, extra="forbid")
    assert (one.id, one.display_name, one.created_at.isoformat()) == (
        "model-0",
        "model-0",
        "2026-01-01T00:00:00+00:00",
    )
    listed = json.loads(ANTHROPIC.models([], {}))
    assert listed == {"data": [], "has_more": False, "first_id": None, "last_id": None}


PAGES: list[tuple[dict[str, str], list[int], bool]] = [
    ({}, [0, 1, 2, 3, 4], False),
    ({"limit": "2"}, [0, 1], True),
    ({"limit": "1000"}, [0, 1, 2, 3, 4], False),
    ({"limit": "2", "after_id": "model-1"}, [2, 3], True),
    ({"limit": "2", "after_id": "model-2"}, [3, 4], False),
    ({"after_id": "model-4"}, [], False),
    ({"limit": "2", "before_id": "model-4"}, [2, 3], True),
    ({"limit": "2", "before_id": "model-2"}, [0, 1], False),
    ({"before_id": "model-0"}, [], False),
]


@pytest.mark.parametrize(("query", "numbers", "more"), PAGES)
def test_pages(query: dict[str, str], numbers: list[int], more: bool) -> None:
    page = json.loads(ANTHROPIC.models(CARDS, query))
    ids = [f"model-{number}" for number in numbers]
    assert [model["id"] for model in page["data"]] == ids
    assert (page["has_more"], page["first_id"], page["last_id"]) == (
        more,
        ids[0] if ids else None,
        ids[-1] if ids else None,
    )


def test_the_sdk_walks_the_pages() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=ANTHROPIC.models(CARDS, dict(request.url.params)))

    client = anthropic.Anthropic(api_key="x", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    assert [model.id for model in client.models.list(limit=2)] == [card.id for card in CARDS]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"limit": "٣"}, {"after_id": "?"}]
)
def test_a_page_that_cannot_be(query: dict[str, str]) -> None:
    with pytest.raises(Problem) as caught:
        ANTHROPIC.models(CARDS, query)
    assert (caught.value.status, caught.value.param) == (400, next(iter(query)))
