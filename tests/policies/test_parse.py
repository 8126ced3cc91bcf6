"""What the file says of limits, read; and what is said of what it cannot say."""

from __future__ import annotations

import re

import pytest

from engine.policies import POLICIES, Budget, Concurrency, Demand, Malformed, Policy, Requests, Tokens


@pytest.mark.parametrize(
    ("policy", "written", "most", "span", "shown"),
    [
        (Requests, "1000 per 15m", 1000, 900.0, "1000 requests/15m"),
        (Requests, "50 per 1m", 50, 60.0, "50 requests/1m"),
        (Requests, "1_000 per 1.5h", 1000, 5400.0, "1000 requests/1.5h"),
        (Tokens, "1 per 500ms", 1, 0.5, "1 tokens/500ms"),
        (Tokens, "2000000 per 1d", 2_000_000, 86400.0, "2000000 tokens/1d"),
    ],
)
def test_rates(policy: type[Policy], written: str, most: int, span: float, shown: str) -> None:
    parsed = policy.parse(written)
    claim = parsed.claim("k", Demand(tokens=7, dollars=9))
    assert (claim.kind, claim.key, claim.most, claim.span) == ("window", "k", most, span)
    assert claim.cost == (1 if policy is Requests else 7)
    assert str(parsed) == shown
    assert parsed.settled(Demand(tokens=8)) == (None if policy is Requests else 8)


def test_concurrency_is_a_number_of_leases_that_end_with_who_holds_them() -> None:
    parsed = Concurrency.parse(32)
    claim = parsed.claim("k", Demand(tokens=7))
    assert (claim.kind, claim.most, claim.cost, parsed.settled(Demand())) == ("lease", 32, 1, None)
    assert 0 < claim.span < 60
    assert parsed == Concurrency.parse("32")
    assert str(parsed) == "32 at once"


@pytest.mark.parametrize(
    ("written", "most", "period", "shown"),
    [
        ("20 USD per day", 20_000_000, "day", "20 USD/day"),
        ("500 USD per month", 500_000_000, "month", "500 USD/month"),
        ("0.5 USD per day", 500_000, "day", "0.5 USD/day"),
        ("0.000001 USD per month", 1, "month", "0.000001 USD/month"),
        ("1.10 USD per day", 1_100_000, "day", "1.10 USD/day"),
    ],
)
def test_budgets_are_exact(written: str, most: int, period: str, shown: str) -> None:
    parsed = Budget.parse(written)
    claim = parsed.claim("k", Demand(tokens=7, dollars=9))
    assert (claim.kind, claim.most, claim.cost, claim.period) == ("ledger", most, 9, period)
    assert parsed.settled(Demand(tokens=7, dollars=11)) == 11
    assert str(parsed) == shown


@pytest.mark.parametrize(
    ("policy", "written", "told"),
    [
        (Requests, "50/1m", "`50 per 1m`"),
        (Requests, "50 per minute", "`50 per 1m`"),
        (Requests, "50 requests per 10 minutes", "`50 per 10m`"),
        (Requests, "1,000 / 15 min", "`1000 per 15m`"),
        (Requests, "50 per m", "`50 per 1m`"),
        (Requests, "50/s", "`50 per 1s`"),
        (Requests, 50, "`1000 per 15m`"),
        (Requests, "many per 1m", "`1000 per 15m`"),
        (Requests, "-5 per 1m", "`1000 per 15m`"),
        (Requests, "0 per 1m", "at least 1"),
        (Requests, "5 per 0s", "`5 per 1m`"),
        (Requests, "5 per 0.0001ms", "`5 per 1m`"),
        (Requests, f"{2**53} per 1m", str(2**53 - 1)),
        (Tokens, "100k per 1m", "`100000 per 1m`"),
        (Concurrency, "many", "`32`"),
        (Concurrency, 0, "at least 1"),
        (Concurrency, "-1", "`32`"),
        (Concurrency, "5 per 1m", "`32`"),
        (Budget, "$20/day", "`20 USD per day`"),
        (Budget, "1,500.50 dollars a month", "`1500.50 USD per month`"),
        (Budget, "20 EUR per day", "`20 USD per day`"),
        (Budget, "20 USD per week", "`20 USD per day`"),
        (Budget, 20, "`20 USD per day`"),
        (Budget, "0.0000001 USD per day", "six decimals"),
        (Budget, "0.0 USD per day", "at least 1"),
    ],
)
def test_what_cannot_be_read_says_what_to_write(policy: type[Policy], written: str | int, told: str) -> None:
    with pytest.raises(Malformed) as caught:
        policy.parse(written)
    assert told in caught.value.flaw.help


def test_the_patterns_for_editors_are_what_is_read() -> None:
    good = {"requests": "10 per 1s", "tokens": "10 per 1s", "budget": "10 USD per day"}
    for policy in POLICIES:
        if policy.form:
            assert re.search(policy.form, good[policy.word])
            assert policy.parse(good[policy.word])
    assert [policy.word for policy in POLICIES] == ["requests", "tokens", "concurrency", "budget"]
