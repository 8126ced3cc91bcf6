"""Who may call: keys in every form, what each may use, and callers that may not even knock."""

from __future__ import annotations

import datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, CHAT, MESSAGES, Api, digest
from tests.support.http import Line, get, head, post, send

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

BOTH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
TODAY = datetime.datetime.now(datetime.UTC).date()
DAY = datetime.timedelta(days=1)
ADA, EVE, OLD, DUE, OFF, NIL, TEAM, STRANGE = (
    f"tk-{name}-0123456789abcdef" for name in ("ada", "eve", "old", "due", "off", "nil", "team", "strange")
)
KEYS = f"""\
  ada: {{hashes: ["{digest("tk-ada-before-0123456789")}", "{digest(ADA)}"]}}
  eve: {{hashes: ["{digest(EVE)}"], models: ["claude-*", smart-chat, smart-claude, smart-responses]}}
  old: {{hashes: ["{digest(OLD)}"], expires: "{TODAY}"}}
  due: {{hashes: ["{digest(DUE)}"], expires: "{TODAY + DAY}"}}
  off: {{hashes: ["{digest(OFF)}"], enabled: false}}
  nil: {{hashes: ["{digest(NIL)}"], models: []}}
  team: {{hashes: ["{digest(TEAM)}"], bases: [team-a]}}
"""
FILE = """\
version: 1
upstreams:
  openai: {{kind: openai, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
  secret-plan: openai/gpt-5.5
  claude-*: anthropic/claude-*
routes:
  - {{name: ada, when: {{key: ada, model: smart-chat}}, to: openai/asked-by-ada}}
  - {{name: eve, when: {{key: eve, model: smart-chat}}, to: openai/asked-by-eve}}
  - {{name: due, when: {{key: due, model: smart-chat}}, to: openai/asked-by-due}}
  - {{name: anyone, when: {{key: anonymous, model: smart-chat}}, to: openai/asked-by-anonymous}}
bases:
  team-a: {{prefix: /team-a}}
  team-b: {{prefix: /team-b}}
keys:
"""


@pytest.fixture(scope="module")
def file(_openai: Upstream, _anthropic: Upstream) -> str:
    return FILE.format(openai=_openai.url, anthropic=_anthropic.url)


@pytest.fixture(scope="module")
def turnout(start: Start, file: str) -> Turnout:
    return start(file + KEYS)


def who(turnout: Turnout, openai: Upstream, headers: dict[str, str]) -> str | int:
    """Return the name of the key that `headers` amount to, or the status of the refusal."""
    answer = post(turnout.url, CHAT.path, CHAT.body(), headers)
    if answer.status != 200:
        CHAT.error(answer)
        return answer.status
    model: str = openai.last.json["model"]
    return model.removeprefix("asked-by-")


# K1: where a key may stand -------------------------------------------------------------------------------------------

FORMS: dict[str, tuple[dict[str, str], str | int]] = {
    "x-turnout-key": ({"x-turnout-key": ADA}, "ada"),
    "x-api-key": ({"x-api-key": ADA}, "ada"),
    "api-key": ({"api-key": ADA}, "ada"),
    "bearer": ({"authorization": f"Bearer {ADA}"}, "ada"),
    "bearer, in any case": ({"Authorization": f"bEARER   {ADA} "}, "ada"),
    "the second hash": ({"x-api-key": "tk-ada-before-0123456789"}, "ada"),
    "basic is no form": ({"authorization": f"Basic {ADA}"}, 401),
    "a key without a scheme": ({"authorization": ADA}, 401),
    "in another case": ({"x-api-key": ADA.upper()}, 401),
    "its hash": ({"x-api-key": digest(ADA)}, 401),
    "its bare hash": ({"x-api-key": digest(ADA).removeprefix("sha256:")}, 401),
    "a cookie": ({"cookie": f"x-api-key={ADA}"}, 401),
    "two keys: x-turnout-key wins": ({"x-api-key": EVE, "x-turnout-key": ADA}, "ada"),
    "two keys: x-api-key wins": ({"authorization": f"Bearer {EVE}", "x-api-key": ADA}, "ada"),
    "two keys: api-key wins": ({"authorization": f"Bearer {EVE}", "api-key": ADA}, "ada"),
    "one of two is known": ({"x-api-key": "sk-ant-something-else", "authorization": f"Bearer {EVE}"}, "eve"),
    "the other of two is known": ({"x-api-key": EVE, "authorization": "Bearer sk-ant-oat01-else"}, "eve"),
    "none of two is known": ({"x-api-key": STRANGE, "authorization": f"Bearer {STRANGE}"}, 401),
    "an expired one first": ({"x-api-key": OLD, "authorization": f"Bearer {ADA}"}, 401),
    "empty": ({"x-api-key": ""}, 401),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_a_key(turnout: Turnout, openai: Upstream, form: str) -> None:
    headers, name = FORMS[form]
    assert who(turnout, openai, headers) == name


def test_a_key_in_the_query_is_none(turnout: Turnout) -> None:
    assert post(turnout.url, f"{CHAT.path}?key={ADA}&api-key={ADA}", CHAT.body()).status == 401


def test_no_credential_of_the_clients_goes_upstream(turnout: Turnout, openai: Upstream) -> None:
    four = {"x-turnout-key": ADA, "x-api-key": EVE, "api-key": DUE, "authorization": f"Bearer {OLD}"}
    assert who(turnout, openai, four) == "ada"
    sent = str(openai.last.headers)
    assert not [key for key in (ADA, EVE, DUE, OLD) if key in sent]


# K2: what a credential amounts to ------------------------------------------------------------------------------------

ANY = "  anonymous: {any_key: true}\n"
ONLY = "  anonymous: {}\n"
DECLARED = {"named": KEYS, "named, anonymous": KEYS + ONLY, "named, any": KEYS + ANY, "anonymous": ONLY, "any": ANY}
MATRIX = {
    #              named   named, anonymous   named, any    anonymous    any
    "none":       (401,    "anonymous",       "anonymous", "anonymous", "anonymous"),
    STRANGE:      (401,    401,               "anonymous", "anonymous", "anonymous"),
    ADA:          ("ada",  "ada",             "ada",       "anonymous", "anonymous"),
    DUE:          ("due",  "due",             "due",       "anonymous", "anonymous"),
    OLD:          (401,    401,               401,         "anonymous", "anonymous"),
    OFF:          (401,    401,               401,         "anonymous", "anonymous"),
}  # fmt: skip


@pytest.fixture(scope="module")
def changing(start: Start, file: str) -> Turnout:
    return start(file + KEYS + "  never: {enabled: false}\n")  # so that each of DECLARED is an edit


@pytest.mark.parametrize("declared", DECLARED)
def test_what_a_credential_amounts_to(changing: Turnout, openai: Upstream, file: str, declared: str) -> None:
    keys = DECLARED[declared]
    lines = [line for line in file.splitlines() if "when: {key:" not in line or f"  {line.split()[5][:-1]}:" in keys]
    changing.taken(partial(changing.rewrite, "\n".join([*lines, keys])))
    column = list(DECLARED).index(declared)
    found = {key: who(changing, openai, {} if key == "none" else {"x-api-key": key}) for key in MATRIX}
    assert found == {key: row[column] for key, row in MATRIX.items()}


@BOTH
@pytest.mark.parametrize(
    ("key", "said"),
    [(OLD, f"expired on {TODAY}"), (OFF, "disabled"), (STRANGE, "not known"), ("", "x-api-key: KEY")],
    ids=["expired", "disabled", "unknown", "none"],
)
def test_a_refusal_says_why_and_never_repeats_the_key(turnout: Turnout, api: Api, key: str, said: str) -> None:
    answer = post(turnout.url, api.path, api.body(), {"x-api-key": key} if key else ())
    assert answer.status == 401
    assert said in api.error(answer)["message"]
    assert not key or key not in str(answer.body)


def test_keys_are_asked_for_on_every_path_but_probes(turnout: Turnout) -> None:
    status = {path: get(turnout.url, path).status for path in ("/v1/models", "/v1/nothing", "/", "/health", "/ready")}
    assert status == {"/v1/models": 401, "/v1/nothing": 401, "/": 200, "/health": 200, "/ready": 200}
    assert get(turnout.url, "/v1/models", {"x-api-key": ADA}).status == 200


# K3: what a key may use ----------------------------------------------------------------------------------------------

USES = {
    (EVE, "smart-chat"): 200,
    (EVE, "secret-plan"): 403,
    (EVE, "secret-plain"): 404,
    (NIL, "smart-chat"): 403,
    (NIL, "unheard-of"): 404,
    (ADA, "secret-plan"): 200,
}


@pytest.mark.parametrize(("key", "model"), USES, ids=lambda value: str(value).removesuffix("-0123456789abcdef"))
def test_models_of_a_key(turnout: Turnout, key: str, model: str) -> None:
    """Forbidden and unknown are two things: 403 and 404."""
    answer = post(turnout.url, CHAT.path, CHAT.body(model), {"x-api-key": key})
    assert answer.status == USES[(key, model)]
    if answer.status != 200:
        assert model in CHAT.error(answer)["message"]


@BOTH
def test_suggestions_are_names_the_key_may_use(turnout: Turnout, api: Api) -> None:
    def message(key: str) -> str:
        text: str = api.error(post(turnout.url, api.path, api.body("secret-plaan"), {"x-api-key": key}))["message"]
        return text

    assert "secret-plan`" in message(ADA)
    assert "secret-plan`" not in message(EVE)
    typo = post(turnout.url, api.path, api.body("smart-chta"), {"x-api-key": EVE})
    assert "`smart-chat`" in api.error(typo)["message"]
    assert "did you mean" not in message(NIL).lower()


def test_patterns_of_a_key(turnout: Turnout, anthropic: Upstream) -> None:
    body = MESSAGES.body("claude-opus-4-8")
    assert post(turnout.url, MESSAGES.path, body, {"x-api-key": EVE}).status == 200
    assert anthropic.last.json["model"] == "claude-opus-4-8"
    assert post(turnout.url, MESSAGES.path, body, {"x-api-key": NIL}).status == 403


def test_a_list_of_models_shows_what_the_key_may_use(turnout: Turnout) -> None:
    def names(key: str) -> list[str]:
        return [model["id"] for model in get(turnout.url, "/v1/models", {"x-api-key": key}).json["data"]]

    assert names(ADA) == ["smart-chat", "smart-claude", "smart-responses", "secret-plan"]
    assert names(EVE) == ["smart-chat", "smart-claude", "smart-responses"]
    assert names(NIL) == []


@pytest.mark.parametrize(
    ("key", "prefix", "status"),
    [
        (TEAM, "/team-a/v1", 200),
        (TEAM, "/team-a", 200),
        (TEAM, "/team-b/v1", 403),
        (TEAM, "/v1", 403),
        (ADA, "/team-a/v1", 200),
        (ADA, "/team-c/v1", 404),
    ],
    ids=lambda value: str(value).removesuffix("-0123456789abcdef"),
)
def test_bases_of_a_key(turnout: Turnout, openai: Upstream, key: str, prefix: str, status: int) -> None:
    answer = post(turnout.url, f"{prefix}/chat/completions", CHAT.body(), {"x-api-key": key})
    assert answer.status == status
    if status == 200:
        assert openai.last.path == CHAT.path
    else:
        CHAT.error(answer)


# P0: who may knock ---------------------------------------------------------------------------------------------------

HOSTS = {
    "localhost": 200,
    "localhost:4000": 200,
    "LOCALHOST:1": 200,
    "127.0.0.1:80": 200,
    "[::1]:4000": 200,
    "localhost.": 421,
    "evil.example": 421,
    "localhost.evil.example": 421,
    "evil.example:4000": 421,
    "127.0.0.2": 421,
    "[::2]": 421,
    "": 400,
    "localhost:http": 400,
    "localhost:4000:4000": 400,
    "a b": 400,
    "user@localhost": 400,
    "::1": 400,
}


@BOTH
@pytest.mark.parametrize("host", HOSTS)
def test_hosts(turnout: Turnout, api: Api, host: str) -> None:
    answer = post(turnout.url, api.path, api.body(), {"host": host, "x-api-key": ADA})
    assert answer.status == HOSTS[host]
    if answer.status == 421:
        assert "server.hosts" in api.error(answer)["message"]
    elif answer.status == 400:
        assert "Host" in api.error(answer)["message"]


@BOTH
def test_no_host_and_two_hosts(turnout: Turnout, api: Api) -> None:
    for hosts in (b"", b"host: localhost\r\nhost: localhost\r\n"):
        with Line(turnout.url) as line:
            line.write(b"POST %s HTTP/1.1\r\n%scontent-length: 0\r\n\r\n" % (api.path.encode(), hosts))
            answer = line.answer()
        assert answer.status == 400
        api.error(answer)


def test_probes_answer_to_every_host_and_others_do_not(turnout: Turnout) -> None:
    asked = {path: get(turnout.url, path, {"host": "10.0.0.7:4000"}).status for path in ("/health", "/ready", "/")}
    assert asked == {"/health": 200, "/ready": 200, "/": 421}


FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"origin": "https://evil.example"},
    "another port of this host": {"origin": "http://127.0.0.1:1"},
    "a sandboxed page": {"origin": "null"},
    "a file": {"origin": "file://"},
    "no origin at all": {"origin": "chrome"},
    "this host, as a prefix": {"origin": "http://127.0.0.1.evil.example"},
    "cross-site without an origin": {"sec-fetch-site": "cross-site"},
    "same-site without an origin": {"sec-fetch-site": "same-site"},
    "a cross-site image": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
}


@BOTH
@pytest.mark.parametrize("page", FOREIGN)
def test_a_foreign_page_is_refused_before_its_body_is_read(turnout: Turnout, api: Api, page: str) -> None:
    """The body never comes, and yet there is an answer."""
    headers = {**FOREIGN[page], "x-api-key": ADA, "content-type": "application/json"}
    with Line(turnout.url, 3) as line:
        line.write(head("POST", api.path, line.host, headers, 1_000_000, is_json=True))
        answer = line.answer()
    assert answer.status == 403
    assert answer.header("access-control-allow-origin") is None
    api.error(answer)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_on_every_method_and_upgrade(turnout: Turnout, method: str) -> None:
    foreign = {"origin": "https://evil.example", "x-api-key": ADA}
    for path in ("/v1/models", "/health", "/nothing"):
        assert send(turnout.url, method, path, foreign).status == 403
    upgrade = {**foreign, "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13"}
    assert send(turnout.url, method, "/v1/responses", upgrade).status == 403


def test_a_page_of_this_server_and_no_page_at_all(turnout: Turnout) -> None:
    own = {"x-api-key": ADA, "origin": turnout.url, "sec-fetch-site": "same-origin"}
    assert post(turnout.url, CHAT.path, CHAT.body(), own).status == 200
    typed = {"x-api-key": ADA, "sec-fetch-site": "none"}
    assert get(turnout.url, "/v1/models", typed).status == 200


TYPES = {
    "application/json": 200,
    "application/json; charset=utf-8": 200,
    "Application/JSON": 200,
    "application/vnd.api+json": 200,
    "text/plain": 415,
    "text/plain;application/json": 415,
    "text/json": 415,
    "application/jsonp": 415,
    "application/x-www-form-urlencoded": 415,
    "multipart/form-data; boundary=x": 415,
    "": 415,
}


@BOTH
@pytest.mark.parametrize("content_type", TYPES)
def test_content_types(turnout: Turnout, api: Api, content_type: str) -> None:
    """What a page can send without a preflight is never JSON."""
    answer = post(turnout.url, api.path, api.body(), {"x-api-key": ADA, "content-type": content_type})
    assert answer.status == TYPES[content_type]
    if answer.status == 415:
        assert "application/json" in api.error(answer)["message"]


@BOTH
def test_no_content_type(turnout: Turnout, api: Api) -> None:
    with Line(turnout.url) as line:
        line.write(b"POST %s HTTP/1.1\r\nhost: localhost\r\nx-api-key: %s\r\ncontent-length: 2\r\n\r\n{}"
                   % (api.path.encode(), ADA.encode()))  # fmt: skip
        answer = line.answer()
    assert answer.status == 415
    api.error(answer)
