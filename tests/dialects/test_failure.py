"""Why an upstream's answer is a failure, from its status, headers and body (rule T1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.dialects import ANTHROPIC, OPENAI

if TYPE_CHECKING:
    from engine.chat import Headers, Reason
    from engine.dialects.base import Dialect


def openai(message: str, kind: str | None = None, code: Any = None) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


def anthropic(kind: str, message: str, code: str | None = None) -> bytes:
    details = {"details": {"error_code": code}} if code else {}
    return json.dumps({"type": "error", "error": {"type": kind, "message": message, **details}}).encode()


CASES: list[tuple[Dialect, int, bytes, Reason]] = [
    (OPENAI, 429, openai("Rate limit reached", "requests", "rate_limit_exceeded"), "rate_limit"),
    (OPENAI, 429, openai("You exceeded your quota", "insufficient_quota", "insufficient_quota"), "quota"),
    (OPENAI, 402, openai("Insufficient credits", None, 402), "quota"),
    (OPENAI, 401, openai("Incorrect API key provided", "invalid_request_error", "invalid_api_key"), "auth"),
    (OPENAI, 403, openai("Project has no access", "invalid_request_error"), "auth"),
    (OPENAI, 404, openai("The model does not exist", "invalid_request_error", "model_not_found"), "not_found"),
    (OPENAI, 400, openai("The model does not exist", None, "model_not_found"), "not_found"),
    (OPENAI, 400, openai("Too long", "invalid_request_error", "context_length_exceeded"), "context_length"),
    (OPENAI, 400, openai("This model's maximum context length is 8192 tokens."), "context_length"),
    (OPENAI, 413, openai("Request too large", "tokens", "rate_limit_exceeded"), "rate_limit"),
    (OPENAI, 400, openai("Rejected", None, "content_policy_violation"), "content_filter"),
    (OPENAI, 400, openai("The response was filtered", None, "content_filter"), "content_filter"),
    (OPENAI, 400, openai("triggered Azure OpenAI's content management policy"), "content_filter"),
    (OPENAI, 400, openai("Unsupported parameter", "invalid_request_error", "unsupported_parameter"), "bad_request"),
    (OPENAI, 422, openai("Unprocessable"), "bad_request"),
    (OPENAI, 409, openai("Conflict"), "bad_request"),
    (OPENAI, 408, b"", "timeout"),
    (OPENAI, 500, openai("The server had an error", "server_error"), "server_error"),
    (OPENAI, 500, openai("model is overloaded", "overloaded_error"), "overloaded"),
    (OPENAI, 502, b"<html>Bad gateway</html>", "server_error"),
    (OPENAI, 503, openai("Overloaded", "server_error"), "overloaded"),
    (OPENAI, 504, b"", "timeout"),
    (OPENAI, 404, b'{"error": "model \\"x\\" not found, try pulling it first"}', "not_found"),
    (OPENAI, 400, b"[]", "bad_request"),
    (
        OPENAI,
        400,
        openai("exceeds the available context size"),
        "context_length",
    ),
    (OPENAI, 400, openai("Too long", "exceed_context_size_error", 400), "context_length"),
    (OPENAI, 400, openai("Input is too long for requested model."), "context_length"),
    (
        OPENAI,
        400,
        openai("Please reduce the length of the messages or completion. (requested 9000 tokens, max 8192)"),
        "context_length",
    ),
    (OPENAI, 400, b'[{"error": {"message": "exceeds the maximum number of tokens allowed (9)"}}]', "context_length"),
    (OPENAI, 400, b'{"code": "x", "error": "This model\'s maximum prompt length is 9"}', "context_length"),
    (OPENAI, 404, b'{"object": "error", "message": "no model", "code": "model_not_found"}', "not_found"),
    (
        OPENAI,
        400,
        openai("The decoder prompt (length 9) is longer than the maximum model length of 8."),
        "context_length",
    ),
    (
        OPENAI,
        400,
        openai("The input (9 tokens) is longer than the model's context length (8 tokens)."),
        "context_length",
    ),
    (OPENAI, 400, b'{"error": "the model is loaded with context length of only 8 tokens"}', "context_length"),
    (OPENAI, 400, openai("The number of tokens to keep is greater than the context length."), "context_length"),
    (OPENAI, 403, b'{"code": "x", "error": "Your team has either used all available credits or reached"}', "quota"),
    (OPENAI, 403, b'{"code": "x", "error": "You have run out of credits or need a subscription."}', "quota"),
    (OPENAI, 429, openai("Check your plan", "exceeded_current_quota_error"), "quota"),
    (OPENAI, 429, openai("The engine is busy", "engine_overloaded_error"), "overloaded"),
    (OPENAI, 400, b'[{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}]', "auth"),
    (ANTHROPIC, 400, b'{"message": "prompt is too long"}', "context_length"),
    (OPENAI, 520, b"", "server_error"),
    (ANTHROPIC, 429, anthropic("rate_limit_error", "Too many"), "rate_limit"),
    (ANTHROPIC, 429, anthropic("rate_limit_error", "Spend", "enforced_spend_limit_reached"), "quota"),
    (ANTHROPIC, 429, anthropic("rate_limit_error", "Ramp", "ramp_limit_exceeded"), "rate_limit"),
    (ANTHROPIC, 400, anthropic("invalid_request_error", "Limit", "contract_spend_limit_reached"), "quota"),
    (ANTHROPIC, 402, anthropic("billing_error", "Pay"), "quota"),
    (ANTHROPIC, 529, anthropic("overloaded_error", "Overloaded"), "overloaded"),
    (ANTHROPIC, 500, anthropic("api_error", "Internal"), "server_error"),
    (ANTHROPIC, 504, anthropic("timeout_error", "Slow"), "timeout"),
    (ANTHROPIC, 401, anthropic("authentication_error", "invalid x-api-key"), "auth"),
    (ANTHROPIC, 403, anthropic("permission_error", "No"), "auth"),
    (ANTHROPIC, 404, anthropic("not_found_error", "model: x"), "not_found"),
    (ANTHROPIC, 413, anthropic("request_too_large", "Big"), "bad_request"),
    (
        ANTHROPIC,
        400,
        anthropic("invalid_request_error", "prompt is too long: 21 tokens > 20"),
        "context_length",
    ),
    (
        ANTHROPIC,
        400,
        anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
        "context_length",
    ),
    (
        ANTHROPIC,
        400,
        anthropic("invalid_request_error", "Blocked by content filtering policy"),
        "content_filter",
    ),
    (ANTHROPIC, 400, anthropic("invalid_request_error", "messages.0.role: no"), "bad_request"),
    (
        ANTHROPIC,
        400,
        anthropic(
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade.",
        ),
        "quota",
    ),
    (ANTHROPIC, 400, b'{"message": "Input is too long for requested model."}', "context_length"),
    (ANTHROPIC, 503, b"", "overloaded"),
]


@pytest.mark.parametrize(
    ("dialect", "status", "body", "reason"), CASES, ids=lambda value: str(getattr(value, "name", value))[:60]
)
def test_why_it_failed(dialect: Dialect, status: int, body: bytes, reason: Reason) -> None:
    headers: Headers = [(b"content-type", b"application/json"), (b"x-should-retry", b"false")]
    failure = dialect.classify(status, headers, body)
    assert failure.reason == reason
    assert (failure.status, failure.headers, failure.body) == (status, headers, body)
    assert failure.message


def test_the_message_is_the_upstream_s_own_and_short() -> None:
    assert OPENAI.classify(400, [], openai("Unsupported parameter")).message == "Unsupported parameter"
    assert len(ANTHROPIC.classify(400, [], anthropic("invalid_request_error", "x" * 9999)).message) == 500
    assert OPENAI.classify(502, [], b"<html>").message == "the upstream answered 502"


NO_NEVER = "top_k: no\nn.0: never"


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "no"}}, "no"),
        ({"error": "no"}, "no"),
        ({"error": True, "message": "no"}, "no"),
        ({"object": "error", "message": "no", "code": "3051"}, "no"),
        ([{"error": {"message": "no"}}], "no"),
        ({"detail": "no"}, "no"),
        ({"errors": [{"message": "no"}, {"message": "never"}]}, "no"),
        ({"success": False, "errors": [{"code": 7003, "message": "no"}], "messages": []}, "no"),
        ({"errors": ["no"]}, "no"),
        ({"errors": {"message": "no"}}, "no"),
        ({"errors": "no"}, "no"),
        ({"errors": [{"message": "never"}], "message": "no"}, "no"),
        ({"detail": [{"loc": ["body", "top_k"], "msg": "no"}, {"loc": ["body", "n", 0], "msg": "never"}]}, NO_NEVER),
        ({"message": {"detail": [{"loc": ["body", "top_k"], "msg": "no"}]}}, "top_k: no"),
        ("no", "no"),
    ],
    ids=str,
)
def test_the_message_is_found_wherever_a_server_puts_it(dialect: Dialect, body: Any, message: str) -> None:
    assert dialect.classify(400, [], json.dumps(body).encode()).message == message


WAITS: list[tuple[Headers, float | None]] = [
    ([], None),
    ([(b"retry-after", b"7")], 7.0),
    ([(b"retry-after", b"0.5")], 0.5),
    ([(b"retry-after-ms", b"250"), (b"retry-after", b"1")], 0.25),
    ([(b"retry-after-ms", b"soon"), (b"retry-after", b"1")], 1.0),
    ([(b"retry-after", b"Fri, 31 Dec 2027 23:59:59 GMT")], None),
    ([(b"retry-after", b"-1")], None),
    ([(b"retry-after", b"nan")], None),
    ([(b"retry-after", b"inf")], None),
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS)
def test_how_long_to_wait(headers: Headers, seconds: float | None) -> None:
    assert OPENAI.classify(429, headers, b"").retry_after == seconds
