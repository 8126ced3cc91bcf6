"""Routes that no request can match, each with its reason; and those that some request can."""

from __future__ import annotations

import json

import pytest

from tests.plan.plans import UPSTREAMS, report

NEVER = [
    ({"path": "v1/x"}, "pass", "every path begins with a slash"),
    ({"path": "/v1/x?a=b"}, "pass", "the query is no part of the path"),
    ({"path": "/v1/./x"}, "pass", "dot segments are refused"),
    ({"path": "/v1//x"}, "pass", "`//` is read as `/`"),
    ({"path": "/v1\\x"}, "pass", "a backslash in a path is refused"),
    ({"path": "/v1/v1/x"}, "pass", "`/v1/v1/` is read as `/v1/`"),
    ({"path": "/t/v1/x"}, "pass", "the prefix of base `t` is cut off before"),
    ({"path": "/messages"}, "to", "its missing `/v1` is added before"),
    ({"path": "/v1/models/**"}, "deny", "Turnout answers it itself"),
    ({"path": "/health"}, "pass", "Turnout answers it itself"),
    ({"path": "/v1/x", "stream": True}, "pass", "`pass` reads no body"),
    ({"path": "/v1/x", "not": {"path": "v1/x/y"}}, "pass", "every path begins with a slash"),
    ({"path": "/v1/x"}, "to", "its path is no model endpoint"),
    ({"path": "/v1/x", "model": "m"}, "deny", "its path is no model endpoint"),
    ({"method": ["delete", "PUT"]}, "to", "model requests are POST, and GET for realtime"),
    ({"method": "PUT", "model": "m"}, "deny", "model requests are POST"),
    ({"method": "GET", "api": "chat"}, "to", "no request fulfils `api` and"),
    ({"method": "POST", "api": "realtime"}, "deny", "no request fulfils `api` and"),
    ({"not": {"method": ["POST", "GET"]}}, "to", "`not` excludes every model request"),
    ({"path": "/v1/messages", "api": ["chat", "embeddings"]}, "to", "no request fulfils `api` and"),
]
SOME = [
    ({"path": "/v1/x", "stream": False}, "pass"),
    ({"path": "**/x"}, "pass"),
    ({"path": "*/v1/x"}, "pass"),
    ({"path": "/tea/x"}, "pass"),
    ({"path": "/health", "base": "t"}, "pass"),
    (
        {"path": "/v1/**", "not": {"path": ["/v1/models", "/v1/chat/*", "/v1/*", "/v1/messages/*", "/v1/responses/*"]}},
        "pass",
    ),
    ({"path": "/v1/x"}, "deny"),
    ({"method": "GET"}, "deny"),
    ({"method": "GET"}, "to"),
    ({"method": "GET", "api": ["chat", "realtime"]}, "to"),
    ({"path": "/v1/chat/**", "method": ["GET", "post"]}, "to"),
    ({"not": {"method": "GET"}}, "to"),
    ({"path": "/v1/mess*", "api": ["chat", "messages"]}, "to"),
]
ACTIONS = {"to": "m", "pass": "openai", "deny": {}}


def findings(when: dict[str, object], action: str) -> list[str]:
    route = json.dumps({"name": "r", "when": when, action: ACTIONS[action]})
    models = "models: {m: openai/m, n: anthropic/n}"
    text = (
        f"{UPSTREAMS}{models}\nbases: {{t: {{prefix: /t}}}}\nroutes: [{route}]\nkeys: {{anonymous: {{routes: [r]}}}}\n"
    )
    return [f"{found.code}: {found.message}" for found in report(text).diagnostics]


@pytest.mark.parametrize(("when", "action", "why"), NEVER)
def test_a_route_that_never_matches_is_an_error_with_the_reason(when: dict[str, object], action: str, why: str) -> None:
    (found,) = findings(when, action)
    assert found.startswith("unreachable: ")
    assert why in found


@pytest.mark.parametrize(("when", "action"), SOME)
def test_a_route_that_some_request_matches_is_none(when: dict[str, object], action: str) -> None:
    assert findings(when, action) == []
