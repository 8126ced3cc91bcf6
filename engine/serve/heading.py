"""What can be wrong with a request head, and which host it means: as functions, for the wire knows the rest."""

from __future__ import annotations

import re

from engine.chat import Problem

AUTHORITY = re.compile(rb"[^/?#]*://([^/?#]*)")


def follow_target(url: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Have the authority of `GET http://authority/path` count in place of Host (RFC 9112, 3.2.2)."""
    authority = AUTHORITY.match(url)
    if authority is not None:
        headers[:] = [(b"host", authority[1]) if name == b"host" else (name, value) for name, value in headers]


def check_codings(values: list[bytes]) -> None:
    """Refuse (501) a request body that is coded in more than chunks: nobody here would undo it (RFC 9112, 6.1).

    One whose last coding is not chunked has no end, which is for the parser to refuse. A list with an empty place
    (`,chunked`) is read in more than one way by what may stand in front of us: 400.
    """
    codings = [coding for value in values for coding in value.lower().replace(b" ", b"").split(b",")]
    if b"" in codings:
        raise invalid("the transfer-encoding is not valid")
    if len(codings) > 1 and codings[-1] == b"chunked":
        raise Problem(
            501,
            "unsupported_transfer_encoding",
            "of transfer-encodings only `chunked` is understood; compress a body with `content-encoding: gzip`",
        )


def head_too_large(limit: int) -> Problem:
    return Problem(431, "headers_too_large", f"the request head is larger than {limit} bytes")


def invalid(message: str) -> Problem:
    return Problem(400, "invalid_request", message)
