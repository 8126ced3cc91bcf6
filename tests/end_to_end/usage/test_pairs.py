"""Every API asked for a model behind every API, as JSON and as a stream: the record holds what the upstream told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.usage.house import COST, USAGE, record
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import post

if TYPE_CHECKING:
    from tests.support.turnout import Turnout

APIS = (CHAT, MESSAGES, RESPONSES)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("upstream", APIS, ids=lambda api: f"to-{api.name}")
@pytest.mark.parametrize("client", APIS, ids=lambda api: f"from-{api.name}")
def test_every_pair_is_metered(turnout: Turnout, client: Api, upstream: Api, stream: bool) -> None:
    answer = post(turnout.url, client.path, client.body(f"to-{upstream.name}", stream=stream))
    assert answer.status == 200, answer.body
    told = record(turnout, answer)
    assert told["usage"] == {**USAGE, "estimated": False}
    assert told["cost"] == COST
