"""The server's side of TLS: from PEM files to a context, which can be replaced while it serves."""

from __future__ import annotations

import ssl
from typing import Any

import msgspec


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    """Absolute paths of PEM files: the certificate with its chain, its key, and who signs those of clients."""

    cert: str
    key: str
    client_ca: str | None = None


class Unusable(Exception):  # noqa: N818 - a finding about a file
    """What is wrong with which of the files."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


def server_context(files: Certificates) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and later, and HTTP/1.1. Raises `Unusable`, `OSError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.cert, files.key, password=_unasked)
    except _Encrypted:
        raise Unusable("key", "is encrypted") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise Unusable("key", "does not belong to the certificate") from error
        raise Unusable("cert", "and `key` are no certificate and private key in PEM form") from error
    if files.client_ca is not None:
        try:
            context.load_verify_locations(files.client_ca)
        except ssl.SSLError as error:
            raise Unusable("client_ca", "holds no certificate in PEM form") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class _Encrypted(Exception):  # noqa: N818 - only said
    pass


def _unasked() -> str:
    """Nobody is at a terminal to be asked for a passphrase."""
    raise _Encrypted


class Renewable(ssl.SSLContext):
    """A context whose connections are those of `current`, whatever that is when they begin."""

    current: ssl.SSLContext

    @classmethod
    def of(cls, context: ssl.SSLContext) -> Renewable:
        made = cls(ssl.PROTOCOL_TLS_SERVER)
        made.current = context
        return made

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        return self.current.wrap_bio(*args, **options)
