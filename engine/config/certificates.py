"""The environment layer of `server.tls`: the files are read, so that they are watched, and must fit each other."""

from __future__ import annotations

import os
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config.tree import Loaded
    from engine.transport.certificates import Certificates

FIELDS = ("cert", "key", "client_ca")


def certificates(loaded: Loaded) -> Certificates | None:
    """Return where the files of `server.tls` are; None without it. What is wrong with them is in the report."""
    assert loaded.document is not None
    assert loaded.tree is not None
    tls = loaded.document.server.tls
    if tls is None:
        return None
    from engine.transport.certificates import Certificates, Unusable, server_context

    before = len(loaded.report.errors)
    paths: dict[str, str] = {}
    for field in FIELDS:
        written = getattr(tls, field)
        if written is None:
            continue
        span = loaded.tree.value("server", "tls", field)
        named = os.path.expanduser(written.removeprefix("file:"))  # noqa: PTH111 - it never raises
        path = FilePath(span.file if span else ".").parent / named
        paths[field] = str(path.absolute())
        try:
            loaded.files.read(path)
        except OSError as error:
            reason = (error.strerror or "it cannot be read").lower()
            loaded.report.error(
                "unreadable-file",
                f"{written} cannot be read: {reason}",
                span,
                help="create it, or correct the path or permissions",
            )
    if len(loaded.report.errors) > before:
        return None
    found = Certificates(**paths)
    try:
        server_context(found)
    except Unusable as flaw:
        loaded.report.error(
            "bad-certificate",
            f"`{flaw.field}` {flaw.why}",
            loaded.tree.value("server", "tls", flaw.field),
            help="name PEM files: the certificate followed by its chain, and its private key without a passphrase",
        )
        return None
    except OSError:
        return None  # it went away just now, which the next look tells
    return found
