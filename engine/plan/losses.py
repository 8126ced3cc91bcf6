"""What a translation on the way to a target would lose, for `turnout explain --request`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.clients import BY_NAME
from engine.dialects import ASKED_IN, CLIENTS, crossing
from engine.dialects.translate import added, allow, only_of, read, write
from engine.plan.family import family_of

if TYPE_CHECKING:
    from engine.chat import Loss
    from engine.facts import Facts
    from engine.plan.layers import Tuning
    from engine.plan.nodes import Plan, Target

FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def losses(plan: Plan, facts: Facts, body: bytes, target: Target, tuning: Tuning) -> tuple[Loss, ...]:
    """Return what `target` would not be told exactly of a `body`; nothing where the bytes pass.

    Raises `Problem` (400) where the request cannot go there. What an upstream has refused in live traffic, and the
    reasoning that a server remembers, are not known here.
    """
    options = plan.upstreams[target.upstream].options
    into = crossing(facts.api, options.speaks, facts.form)
    asked = facts.form or facts.api
    own = options.unmet(FIELDS.decode(body)) if asked in CLIENTS else ()
    if into is None or asked not in CLIENTS:
        allow(own, target.model, tuning.translation)
        return own
    codec = ASKED_IN[into]
    request = only_of(read(CLIENTS[asked], body), str(target), codec)
    family = family_of(plan, target, tuning, codec)
    quiet = BY_NAME[facts.client].quiet if facts.client is not None else ()
    found = added(write(request, codec, family, target.model, tuning.translation, quiet).losses, own)
    allow(found, target.model, tuning.translation)
    return found
