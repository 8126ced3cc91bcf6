"""From a failed try to the client's answer, as a table."""

from __future__ import annotations

import pytest

from engine.chat import REASONS, Failure
from engine.plan.nodes import Target
from engine.serve.failures import TOLD, after_retries, answer_to, forwarded, loggable, problem_of

TARGET = Target(upstream="openai", model="gpt-5.5")
BODY = b'{"error":{"message":"in the upstream\'s words"}}'


def test_every_reason_is_told() -> None:
    assert set(TOLD) == set(REASONS)


STATUS = {
    "connect": 502,
    "tls": 502,
    "timeout": 504,
    "disconnect": 502,
    "rate_limit": 429,
    "quota": 429,
    "overloaded": 529,
    "server_error": 502,
    "auth": 502,
    "not_found": 404,
    "context_length": 400,
    "content_filter": 400,
    "bad_request": 400,
    "limited": 429,
    "off": 503,
    "cooling": 529,
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_status_of_a_reason(reason: str) -> None:
    problem = problem_of(Failure(reason=reason, message="why"), TARGET)  # type: ignore[arg-type]  # one of REASONS
    assert problem.status == STATUS[reason]
    assert problem.message == "why" or reason == "auth"


@pytest.mark.parametrize("status", [400, 404, 413, 429, 500, 503, 529])
def test_an_answer_of_the_upstreams_passes(status: int) -> None:
    failure = Failure(reason="server_error", message="x", status=status, headers=[(b"x", b"1")], body=BODY)
    assert answer_to(failure, forward=False) == (status, [(b"x", b"1")], BODY)


def test_without_an_answer_there_is_none_to_pass() -> None:
    assert answer_to(Failure(reason="timeout", message="x"), forward=False) is None
    assert answer_to(Failure(reason="disconnect", message="x", status=500), forward=False) is None


def test_a_refusal_of_our_credential_is_ours_to_explain() -> None:
    quoted = Failure(reason="auth", message="bad key sk-ours", status=401, body=b"bad key sk-ours")
    assert answer_to(quoted, forward=False) is None
    told = problem_of(quoted, TARGET)
    assert (
        told.message
        == "upstream `openai` refused Turnout's own credential (401); the operator should check its api_key"
    )
    assert (b"x-should-retry", b"false") in told.headers
    assert loggable(quoted) == "the upstream refused the credential (401)"


def test_a_refusal_of_the_clients_credential_is_the_clients_to_read() -> None:
    theirs = Failure(reason="auth", message="x", status=401, body=BODY)
    assert answer_to(theirs, forward=True) == (401, [], BODY)


def test_loggable_leaves_other_words_alone() -> None:
    assert loggable(Failure(reason="connect", message="connection refused")) == "connection refused"


def test_retry_after_is_whole_seconds_and_never_too_early() -> None:
    problem = problem_of(Failure(reason="rate_limit", message="x", retry_after=1.2), TARGET)
    assert problem.headers == ((b"retry-after", b"2"),)


def test_sdks_are_told_not_to_multiply_our_tries() -> None:
    assert problem_of(Failure(reason="timeout", message="x"), TARGET, tried=1).headers == ()
    assert problem_of(Failure(reason="timeout", message="x"), TARGET, tried=2).headers == (
        (b"x-should-retry", b"false"),
    )
    assert after_retries(1, []) == []
    assert after_retries(1, [(b"x-should-retry", b"true")]) == [(b"x-should-retry", b"true")], "not retried: its word"
    assert after_retries(2, [(b"x", b"1")]) == [(b"x", b"1"), (b"x-should-retry", b"false")]
    assert after_retries(2, [(b"x-should-retry", b"true")]) == [(b"x-should-retry", b"false")]


def test_a_credential_of_the_clients_is_refused_in_the_clients_form() -> None:
    theirs = forwarded(Failure(reason="auth", message="bad key", status=403))
    assert (theirs.status, theirs.code, theirs.message) == (403, "invalid_api_key", "bad key")


def test_what_the_upstream_said_beside_it_goes_along_once() -> None:
    failure = Failure(reason="rate_limit", message="x", retry_after=1.2)
    beside = [(b"retry-after", b"2"), (b"retry-after-ms", b"1200"), (b"x-should-retry", b"true")]
    assert list(problem_of(failure, TARGET, beside=beside).headers) == beside
    assert list(problem_of(failure, TARGET, tried=2, beside=beside).headers) == [
        *beside[:2],
        (b"x-should-retry", b"false"),
    ]
    assert problem_of(failure, TARGET, beside=beside[1:2]).headers == (beside[1], beside[0])


def test_nobody_tries_again_without_money() -> None:
    assert problem_of(Failure(reason="quota", message="x"), TARGET).headers == ((b"x-should-retry", b"false"),)
