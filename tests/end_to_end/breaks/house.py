"""A server whose streams are carried on: two scripted upstreams, each of which speaks every API, in every order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from tests.support.apis import APIS, CHAT, MESSAGES, Api
from tests.support.http import Answer, Headers, post
from tests.support.script import CUT, Reply, as_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.script import Step
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

Json = dict[str, Any]

UPSTREAM = '  {place}-{api}: {{kind: {options}, circuit: off, base_url: "{url}", api_key: env:{key}{more}}}\n'
FILE = """
version: 1
upstreams:
{upstreams}
defaults: {{model: {{retries: 0, on_break: continue}}}}
models:
{models}
keys: {{anonymous: {{}}}}
observe: {{log: {{format: json}}}}
"""
PAIRS = tuple(product(APIS, APIS))
"""The API of the target that breaks, and that of the one that carries on."""
GO_ON = "Your answer was cut off"
"""How the user asks a model to go on that does not do so by itself."""


def model_of(api: Api) -> str:
    return "claude-sonnet-5" if api is MESSAGES else "gpt-5.5"


def written(first: Upstream, second: Upstream, *, models: str = "", more: str = "") -> str:
    """Return a proxy.yaml. `chat-messages` asks the first upstream in chat and then the second in messages; and so on.
    `models` are lines on top; `more` are further options of each upstream."""
    upstreams = "".join(
        UPSTREAM.format(
            place=place,
            api=api.name,
            options=api.options if api is not CHAT else f"{api.kind}, apis: [chat]",
            url=one.url,
            key="TEST_ANTHROPIC_KEY" if api is MESSAGES else "TEST_OPENAI_KEY",
            more=more,
        )
        for place, one in (("first", first), ("second", second))
        for api in APIS
    )
    pairs = "".join(
        f"  {one.name}-{two.name}: {{targets: [first-{one.name}/{model_of(one)}, second-{two.name}/{model_of(two)}]}}\n"
        for one, two in PAIRS
    )
    return FILE.format(upstreams=upstreams, models=pairs + models)


def breaking(api: Api, words: Sequence[str], *end: Step) -> Reply:
    """Return a stream that says `words` and breaks off."""
    return as_stream([*api.begun(*words), *(end or (CUT,))])


@dataclass
class House:
    turnout: Turnout
    first: Upstream
    second: Upstream

    def ask(self, client: Api, model: str, headers: Headers = (), **fields: Any) -> Answer:
        body = {**client.body(model, stream=True), **fields}
        return post(self.turnout.url, client.path, body, headers)

    def record(self, answer: Answer) -> Json:
        """Return what is recorded of the request that got `answer`."""
        ident = answer.header("x-turnout-request")
        found = self.turnout.wait_for(re.compile(rf'.*"request":"{ident}".*'))
        record: Json = json.loads(found.group())
        return record


def turns(api: Api, seen: Seen) -> list[tuple[str, str]]:
    """Return (role, text) of every turn that an upstream of `api` was sent."""
    sent = seen.json["input" if api.name == "responses" else "messages"]
    return [(turn["role"], _text(turn["content"])) for turn in sent]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def whole(api: Api, answer: Answer) -> str:
    """Return the text of a stream that ended well."""
    assert (answer.status, answer.whole) == (200, True), answer.body
    assert answer.body.count(api.terminal) == 1, answer.body
    return api.text(answer.body)
