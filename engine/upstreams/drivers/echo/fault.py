"""What an echo upstream does wrong on purpose, as one request asks for it.

The value of `x-turnout-fault` is a list of the options of `fault:` in the file, in any order:

    fail=529; retry_after=2s; slow=1s; cut=3; stall=body; refuse

`fail` answers with that status, `retry_after` adds the header; `slow` waits before the first byte; `cut` breaks the
connection off after so many pieces of the body (events of a stream, 64 bytes of a JSON answer); `stall=head` never
answers, `stall=body` falls silent after the first content; `refuse` does not let the caller connect.
"""

from __future__ import annotations

import msgspec

from engine.dialects.body import mismatch, refused
from engine.upstreams.echo import Fault

HEADER = "x-turnout-fault"


def asked(text: str) -> Fault:
    """Read the value of the header. Raises `Problem` (400) saying what it may hold."""
    options: dict[str, str] = {}
    for part in text.split(";"):
        name, given, value = part.strip().partition("=")
        name = name.rstrip()
        if not name and not given:
            continue
        if name in options:
            raise refused(f"{HEADER}: `{name}` is given twice")
        options[name] = value.strip() if given else "true"
    known = Fault.__struct_fields__
    for name in options:
        if name not in known:
            raise refused(f"{HEADER}: there is no fault `{name}`; there are {', '.join(known)}")
    try:
        return msgspec.convert(options, Fault, strict=False)
    except msgspec.ValidationError as error:
        raise refused(f"{HEADER}: {mismatch(error, '').message}") from None
