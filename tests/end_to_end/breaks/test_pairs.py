"""Every client, every API of the target that breaks, every API of the one that carries on: one coherent stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.breaks.house import GO_ON, PAIRS, breaking, turns, whole
from tests.support.apis import APIS

if TYPE_CHECKING:
    from tests.end_to_end.breaks.house import House
    from tests.support.apis import Api

CLIENTS = pytest.mark.parametrize("client", APIS, ids=lambda api: api.name)
EACH = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")


@CLIENTS
@EACH
def test_the_next_target_carries_on_from_the_text_so_far(house: House, client: Api, pair: tuple[Api, Api]) -> None:
    one, two = pair
    house.first.script(breaking(one, ("Once upon", " a ti")))
    house.second.script(two.stream("me there was", " a turnout."))
    answer = house.ask(client, f"{one.name}-{two.name}")
    assert whole(client, answer) == "Once upon a time there was a turnout."
    told = turns(two, house.second.last)
    assert told[0] == ("user", "Hi")
    assert told[1] == ("assistant", "Once upon a ti")
    assert told[2][1].startswith(GO_ON)
    record = house.record(answer)
    assert record["status"] == 200
    assert [(one["target"].partition("/")[0], one.get("reason"), one["continued"]) for one in record["attempts"]] == [
        (f"first-{one.name}", "disconnect", False),
        (f"second-{two.name}", None, True),
    ]
    assert answer.body.count(client.opening) + answer.body.count(client.opening.replace(b" ", b"")) == 1
