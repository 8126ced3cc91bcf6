"""Which keys a refused edit leaves live although the file no longer has them."""

from __future__ import annotations

import pytest

from engine.plan.read import read
from engine.serve.reload import live_keys_gone
from tests.plan.plans import UPSTREAMS, plan
from tests.support.apis import digest

ONE, TWO = digest("tk-one-0123456789abcdef"), digest("tk-two-0123456789abcdef")
LIVE = plan(UPSTREAMS + f'keys: {{ada: {{hashes: ["{ONE}", "{TWO}"]}}, anonymous: {{}}}}')


@pytest.mark.parametrize(
    ("keys", "gone"),
    [
        (f'{{ada: {{hashes: ["{ONE}", "{TWO}"]}}, anonymous: {{}}}}', []),
        (f'{{ada: {{hashes: ["{TWO}", "{ONE}"], models: []}}, anonymous: {{}}, eve: {{}}}}', []),
        (f'{{ada: {{hashes: ["{TWO}"]}}, anonymous: {{}}}}', ["1 hash of key `ada`"]),
        ("{ada: {hashes: []}, anonymous: {}}", ["2 hashes of key `ada`"]),
        ("{ada: {}, anonymous: {}}", ["2 hashes of key `ada`"]),
        (f'{{ada: {{hashes: ["{ONE}", "{TWO}"], enabled: false}}, anonymous: {{}}}}', ["key `ada`"]),
        (f'{{ada: {{hashes: ["{ONE}", "{TWO}"]}}}}', ["key `anonymous`"]),
        ("{}", ["key `ada`", "key `anonymous`"]),
        ("[]", ["key `ada`", "key `anonymous`"]),
        ("{ada: 5, anonymous: {}}", ["key `ada`"]),
        ("{ada: {hashes: 5}, anonymous: {}}", ["2 hashes of key `ada`"]),
    ],
)
def test_keys_that_stay_live(keys: str, gone: list[str]) -> None:
    refused = read("proxy.yaml", None, text=f"{UPSTREAMS}keys: {keys}\noops: 1\n")
    assert not refused.report.ok
    assert live_keys_gone(refused, LIVE.keys) == gone


def test_nothing_is_said_of_a_file_that_is_no_yaml() -> None:
    assert live_keys_gone(read("proxy.yaml", None, text="keys: ["), LIVE.keys) == []
