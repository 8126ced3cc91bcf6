"""Rate limits in the other vendor's words, by value."""

from __future__ import annotations

import pytest

from engine.serve.ratelimits import date, duration, moment, seconds, told_to

NOW = 1_795_348_800.0
"""2026-11-22T12:00:00Z"""

ANTHROPIC = """
anthropic-ratelimit-requests-limit: 50
anthropic-ratelimit-requests-remaining: 49
anthropic-ratelimit-requests-reset: 2026-11-22T12:06:00Z
anthropic-ratelimit-tokens-limit: 40000
anthropic-ratelimit-tokens-remaining: 39000
anthropic-ratelimit-tokens-reset: 2026-11-22T12:00:07Z
"""
OPENAI = """
x-ratelimit-limit-requests: 50
x-ratelimit-remaining-requests: 49
x-ratelimit-reset-requests: 6m0s
x-ratelimit-limit-tokens: 40000
x-ratelimit-remaining-tokens: 39000
x-ratelimit-reset-tokens: 7s
"""
SPLIT = """
anthropic-ratelimit-input-tokens-limit: 30000
anthropic-ratelimit-input-tokens-remaining: 29000
anthropic-ratelimit-input-tokens-reset: 2026-11-22T12:00:03Z
anthropic-ratelimit-output-tokens-limit: 8000
anthropic-ratelimit-output-tokens-remaining: 7000
anthropic-ratelimit-output-tokens-reset: 2026-11-22T12:01:05Z
"""


def fields(text: str) -> list[tuple[bytes, bytes]]:
    pairs = [line.partition(": ") for line in text.strip().splitlines()]
    return [(name.encode(), value.encode()) for name, _, value in pairs]


def test_a_chat_client_reads_what_anthropic_says() -> None:
    assert told_to("chat", fields(ANTHROPIC), NOW) == fields(OPENAI)


def test_a_messages_client_reads_what_openai_says() -> None:
    assert told_to("messages", fields(OPENAI), NOW) == fields(ANTHROPIC)


def test_input_and_output_are_added_up_and_wait_for_the_later_one() -> None:
    told = fields("""
x-ratelimit-limit-tokens: 38000
x-ratelimit-remaining-tokens: 36000
x-ratelimit-reset-tokens: 1m5s
""")
    assert told_to("chat", fields(SPLIT), NOW) == told


def test_what_anthropic_counts_together_is_not_added_to_its_parts() -> None:
    assert told_to("chat", fields(ANTHROPIC + SPLIT.lstrip()), NOW) == fields(OPENAI)


def test_half_of_a_sum_is_no_sum() -> None:
    told = [field for field in fields(SPLIT) if field[0] != b"anthropic-ratelimit-output-tokens-remaining"]
    names = [name for name, _ in told_to("chat", told, NOW)]
    assert names == [b"x-ratelimit-limit-tokens", b"x-ratelimit-reset-tokens"]


@pytest.mark.parametrize("api", ["chat", "messages"])
def test_what_cannot_be_understood_is_left_out(api: str) -> None:
    strange = """
anthropic-ratelimit-requests-limit: plenty
anthropic-ratelimit-requests-remaining: -1
anthropic-ratelimit-requests-reset: soon
x-ratelimit-limit-requests: 1e3
x-ratelimit-remaining-requests: many
x-ratelimit-reset-requests: 1795348800000
x-ratelimit-limit: 5
retry-after: 3
"""
    assert told_to(api, fields(strange), NOW) == []  # type: ignore[arg-type]  # one of the APIs


def test_a_client_is_not_told_twice() -> None:
    """An upstream that says both vendors' names is believed where its own API has them."""
    assert told_to("messages", fields(ANTHROPIC), NOW) == []
    both = fields(ANTHROPIC + OPENAI.replace("7s", "9s").lstrip())
    assert told_to("chat", both, NOW) == fields(OPENAI.replace("7s", "9s"))


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_the_other_api_of_openai_has_the_same_limits(api: str) -> None:
    assert told_to(api, fields(OPENAI), NOW) == fields(OPENAI)  # type: ignore[arg-type]  # one of the APIs


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("6m0s", 360.0),
        ("1s", 1.0),
        ("17ms", 0.017),
        ("59.967s", 59.967),
        ("1h2m3s", 3723.0),
        ("2d", 172800.0),
        ("0s", 0.0),
        ("", None),
        ("5", None),
        ("s", None),
        ("1 s", None),
        ("-1s", None),
        ("1y", None),
        ("99999999d", None),
        ("٣s", None),
    ],
)
def test_durations_are_read(text: str, length: float | None) -> None:
    assert seconds(text) == (None if length is None else pytest.approx(length))


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0s"),
        (-5, "0s"),
        (0.2, "1s"),
        (59, "59s"),
        (60, "1m0s"),
        (360, "6m0s"),
        (3600, "1h0m0s"),
        (90061, "25h1m1s"),
    ],
)
def test_durations_are_written_as_go_does_and_never_too_short(length: float, text: str) -> None:
    assert duration(length) == text


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-22T12:00:00Z", NOW),
        ("2026-11-22T14:00:00+02:00", NOW),
        ("2026-11-22T12:00:00.250Z", NOW + 0.25),
        ("2026-11-22T12:00:00", None),
        ("2026-11-22", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_dates_are_read(text: str, at: float | None) -> None:
    assert moment(text) == at


def test_dates_are_written_in_utc_and_never_too_early() -> None:
    assert date(NOW) == "2026-11-22T12:00:00Z"
    assert date(NOW + 0.1) == "2026-11-22T12:00:01Z"
