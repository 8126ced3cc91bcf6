"""Whose word counts on who is calling, hop by hop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plan.peers import Trusted, forwarded, trusted

PROXIES = trusted(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])
assert PROXIES is not None


def asked(peer: str | None, *values: str, proxies: Trusted = PROXIES) -> str | None:
    return forwarded(proxies, peer, [(b"x-forwarded-for", value.encode()) for value in values])[0]


CASES = [
    # peer, x-forwarded-for, client
    ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # an untrusted peer is the client, whatever it says
    ("127.0.0.1", [], "127.0.0.1"),
    ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
    ("127.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),  # what stands left of it is only said
    ("127.0.0.1", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
    ("127.0.0.1", ["198.51.100.1, 203.0.113.9, 10.1.2.3, 10.9.9.9"], "203.0.113.9"),
    ("127.0.0.1", ["10.1.2.3, 10.9.9.9"], "10.1.2.3"),  # nobody but proxies: the first of them asked
    ("127.0.0.1", ["nonsense, 203.0.113.9"], "203.0.113.9"),
    ("127.0.0.1", ["203.0.113.9, nonsense"], "127.0.0.1"),
    ("127.0.0.1", ["203.0.113.9, unknown, 10.1.2.3"], "127.0.0.1"),
    ("127.0.0.1", [""], "127.0.0.1"),
    ("127.0.0.1", ["203.0.113.9,"], "127.0.0.1"),
    ("127.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
    ("127.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
    ("127.0.0.1", ["[2001:db8::1]"], "2001:db8::1"),
    ("127.0.0.1", ["2001:DB8:0::1"], "2001:db8::1"),
    ("127.0.0.1", ["203.0.113.9:x"], "127.0.0.1"),
    ("127.0.0.1", ["[2001:db8::1]x"], "127.0.0.1"),
    ("127.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
    ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
    ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
    ("::1", ["2001:db8::1"], "::1"),
    ("127.0.0.1", ["203.0.113.9, " + "10.0.0.1, " * 31 + "10.0.0.1"], "10.0.0.1"),  # no chain is that long
    (None, ["203.0.113.9"], None),
]


@pytest.mark.parametrize(("peer", "values", "client"), CASES)
def test_who_is_calling(peer: str | None, values: list[str], client: str | None) -> None:
    assert asked(peer, *values) == client


def test_a_unix_socket_counts_only_where_it_is_listed() -> None:
    proxies = trusted(["unix:", "10.0.0.0/8"])
    assert proxies is not None
    assert asked(None, "203.0.113.9, 10.1.1.1", proxies=proxies) == "203.0.113.9"
    assert asked(None, "nonsense", proxies=proxies) is None
    assert asked("127.0.0.1", "203.0.113.9", proxies=proxies) == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "values", "scheme"),
    [
        ("127.0.0.1", [b"https"], "https"),
        ("127.0.0.1", [b"HTTP"], "http"),
        ("127.0.0.1", [b"http, https"], "https"),
        ("127.0.0.1", [b"http", b"https"], "https"),
        ("127.0.0.1", [b"javascript"], None),
        ("127.0.0.1", [], None),
        ("203.0.113.9", [b"https"], None),
    ],
)
def test_the_scheme(peer: str, values: list[bytes], scheme: str | None) -> None:
    assert forwarded(PROXIES, peer, [(b"x-forwarded-proto", value) for value in values])[1] == scheme


@given(st.lists(st.binary(max_size=40)))
def test_nothing_that_is_said_makes_it_stumble_or_lie(values: list[bytes]) -> None:
    said = [(b"x-forwarded-for", value) for value in values]
    assert forwarded(PROXIES, "203.0.113.9", said) == ("203.0.113.9", None)
    client, _ = forwarded(PROXIES, "127.0.0.1", said)
    assert client is not None
    assert client.isprintable()


def test_without_any_there_is_nothing_to_ask() -> None:
    assert trusted([]) is None
