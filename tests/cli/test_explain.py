"""`turnout explain`, as people run it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from engine.clients import BY_NAME
from tests.cli.turnout import ROOT, turnout

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
version: 1
upstreams:
  openai: {kind: openai, api_key: env:OPENAI_API_KEY, optional: true}
  anthropic: {kind: anthropic, base_url: "https://api.anthropic.com/v1/", api_key: env:CLAUDE_KEY, optional: true}
  demo: {kind: echo, demo: true}
models:
  smart: {targets: [anthropic/claude-sonnet-5, openai/gpt-5.5], fallback: [fast]}
  fast: {targets: [anthropic/claude-haiku-4-5, openai/gpt-5.5-mini], retries: 0}
routes:
  - {name: long-context, when: {model: fast, input_tokens: {min: 100000}}, to: smart}
  - {name: blue, when: {header: {x-team: blue}, base: team-a, key: ada}, deny: {}}
bases: {team-a: {prefix: /team-a}}
keys:
  anonymous: {}
  ada: {}
"""


SMART = """\
route  long-context               no   model is smart, not fast                             proxy.yaml:10
       blue                       no   key is anonymous, not ada                            proxy.yaml:11
model  smart                      yes  as asked                                             proxy.yaml:7
try 1  anthropic/claude-sonnet-5       answers: POST https://api.anthropic.com/v1/messages  proxy.yaml:7
else   smart                           openai/gpt-5.5                                       proxy.yaml:7
       fast                            anthropic/claude-haiku-4-5, openai/gpt-5.5-mini      proxy.yaml:8
body   decoded                         route long-context looks at input_tokens             proxy.yaml:10
"""
EMBEDDED = """\
route   long-context                no       model is smart, not fast                            proxy.yaml:10
        blue                        no       key is anonymous, not ada                           proxy.yaml:11
model   smart                       yes      as asked                                            proxy.yaml:7
target  anthropic/claude-sonnet-5   skipped  speaks messages, count_tokens; embeddings asked     proxy.yaml:7
        anthropic/claude-haiku-4-5  skipped  speaks messages, count_tokens; embeddings asked     proxy.yaml:8
        openai/gpt-5.5-mini         skipped  another model than gpt-5.5                          proxy.yaml:8
try 1   openai/gpt-5.5                       answers: POST https://api.openai.com/v1/embeddings  proxy.yaml:7
body    decoded                              route long-context looks at input_tokens            proxy.yaml:10
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "proxy.yaml").write_text(FILE)
    return tmp_path


def test_a_request_and_each_place_that_decides_it(folder: Path) -> None:
    ended = turnout("explain", "smart", "--api", "messages", cwd=folder)
    assert ended.out == SMART
    assert (ended.code, ended.err) == (0, "")


def test_what_is_not_translated_skips_targets_of_the_other_api(folder: Path) -> None:
    ended = turnout("explain", "smart", "--api", "embeddings", cwd=folder)
    assert (ended.code, ended.out, ended.err) == (0, EMBEDDED, "")


CONNECTED = """\
route   long-context                no       model is smart, not fast                                proxy.yaml:10
        blue                        no       key is anonymous, not ada                               proxy.yaml:11
model   smart                       yes      as asked                                                proxy.yaml:7
target  anthropic/claude-sonnet-5   skipped  speaks messages, count_tokens; realtime asked           proxy.yaml:7
        anthropic/claude-haiku-4-5  skipped  speaks messages, count_tokens; realtime asked           proxy.yaml:8
try 1   openai/gpt-5.5                       answers: GET wss://api.openai.com/v1/realtime           proxy.yaml:7
else    fast                                 openai/gpt-5.5-mini                                     proxy.yaml:8
frames  as they are                          both ways; only the `model` of the session is replaced
"""


def test_a_connection_is_explained_like_a_request(folder: Path) -> None:
    ended = turnout("explain", "smart", "--api", "realtime", cwd=folder)
    assert (ended.code, ended.out, ended.err) == (0, CONNECTED, "")


def test_with_an_upstream_down(folder: Path) -> None:
    down = ("--down", "anthropic", "--down", "openai/gpt-5.5")
    ended = turnout("explain", "fast[1m]", "--input-tokens", "150000", *down, cwd=folder)
    assert [line.split("  ")[0] for line in ended.out.splitlines()] == [
        "asked", "route", "model", "try 1", "try 2", "try 3", "try 4", "try 5", "body",
    ]  # fmt: skip
    assert "`[1m]` is cut from the name" in ended.out
    assert "try 2  openai/gpt-5.5                   down (as told)" in ended.out
    assert "try 3  anthropic/claude-sonnet-5        after up to 0.25 s: down (as told)" in ended.out
    assert "try 5  openai/gpt-5.5-mini              answers: POST https://api.openai.com/v1/chat/comp" in ended.out
    assert ended.code == 0


ACROSS = [
    (("smart",), "POST https://api.anthropic.com/v1/messages; chat -> messages translation", "messages"),
    (
        ("smart", "--api", "messages", "--down", "anthropic"),
        "POST https://api.openai.com/v1/responses; messages -> responses translation",
        "responses",
    ),
    (
        ("smart", "--api", "count_tokens", "--down", "anthropic"),
        "POST https://api.openai.com/v1/responses/input_tokens; count_tokens -> input_tokens translation",
        "input_tokens",
    ),
]


@pytest.mark.parametrize(("asked", "says", "into"), ACROSS)
def test_a_translation_is_told(folder: Path, asked: tuple[str, ...], says: str, into: str) -> None:
    ended = turnout("explain", *asked, cwd=folder)
    tries = [line for line in ended.out.splitlines() if line.startswith("try")]
    assert (ended.code, says in tries[-1]) == (0, True)
    assert "as it is" not in ended.out
    told = json.loads(turnout("explain", *asked, "--format", "json", cwd=folder).out)
    assert (told["tries"][-1]["translation"], told["body"], told["losses"]) == (into, "translated", [])


REQUEST = {"model": "smart", "messages": [{"role": "user", "content": "Hi"}], "seed": 7, "user": "ada"}


def lost(out: str) -> list[list[str]]:
    """Return (path, grade) of each loss, of columns that begin with the section, once."""
    lines = [line.split() for line in out.splitlines()]
    at = next((index for index, line in enumerate(lines) if line[0] == "loss"), len(lines))
    found = [line[line[0] == "loss" :] for line in lines[at:]]
    return [line[:2] for line in found if line[1] in ("dropped", "approximated")]


def test_a_request_out_of_a_file_tells_what_its_translation_loses(folder: Path) -> None:
    (folder / "request.json").write_text(json.dumps(REQUEST))
    ended = turnout("explain", "--request", "request.json", cwd=folder)
    assert (ended.code, ended.err) == (0, "")
    assert "try 1  anthropic/claude-sonnet-5" in ended.out
    assert sorted(lost(ended.out)) == [["seed", "dropped"], ["user", "approximated"]]
    told = json.loads(turnout("explain", "--request", "request.json", "--format", "json", cwd=folder).out)
    assert {one["path"]: one["grade"] for one in told["losses"]} == {"seed": "dropped", "user": "approximated"}
    assert all(one["reason"] for one in told["losses"])
    assert (told["facts"]["model"], told["refusal"]) == ("smart", None)


MESSAGE = {"model": "fast", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize(
    ("target", "options", "body", "api"),
    [
        ("/v1/chat/completions", (), REQUEST, "chat"),
        ("/team-a/v1/messages?beta=true", (), MESSAGE, "messages"),
        ("/v1/messages", ("--api", "chat"), REQUEST, "chat"),
        (None, (), REQUEST, "chat"),
    ],
)
def test_of_a_captured_request_the_body_is_asked(
    folder: Path, target: str | None, options: tuple[str, ...], body: dict[str, object], api: str
) -> None:
    captured = {"method": "POST", "target": target, "headers": {"x-app": "cli"}, "body": body}
    (folder / "captured.json").write_text(json.dumps(captured, indent=2))
    ended = turnout("explain", "--request", "captured.json", *options, "--format", "json", cwd=folder)
    told = json.loads(ended.out)
    assert (ended.code, told["facts"]["model"], told["facts"]["api"]) == (0, body["model"], api)
    assert ended.err == (
        f"note: captured.json is a request as it was captured: its `body` and `headers` are asked, of the {api} API\n"
    )
    assert told["facts"]["headers"] == {"x-app": "cli"}


def test_where_the_bytes_pass_nothing_is_lost(folder: Path) -> None:
    (folder / "request.json").write_text(json.dumps(REQUEST))
    ended = turnout("explain", "--request", "request.json", "--down", "anthropic", cwd=folder)
    assert (ended.code, lost(ended.out), "openai/gpt-5.5" in ended.out) == (0, [], True)


@pytest.mark.parametrize(
    ("translation", "body", "param"),
    [("lenient", {**REQUEST, "n": 3}, "n"), ("strict", REQUEST, "seed"), ("exact", {**REQUEST, "seed": None}, "user")],
)
def test_a_request_that_cannot_be_translated_is_refused(
    folder: Path, translation: str, body: dict[str, object], param: str
) -> None:
    alone = f"smart: {{targets: [anthropic/claude-sonnet-5], translation: {translation}}}"
    (folder / "proxy.yaml").write_text(re.sub("smart: {.*}", alone, FILE))
    (folder / "request.json").write_text(json.dumps(body))
    ended = turnout("explain", "--request", "request.json", cwd=folder)
    assert (ended.code, "refused" in ended.out, f"`{param}`" in ended.out) == (1, True, True)
    told = json.loads(turnout("explain", "--request", "request.json", "--format", "json", cwd=folder).out)
    assert (told["refusal"]["status"], told["target"]) == (400, None)


def test_a_target_that_cannot_be_asked_is_left_out_where_another_can(folder: Path) -> None:
    (folder / "request.json").write_text(json.dumps({**REQUEST, "n": 3}))
    ended = turnout("explain", "--request", "request.json", cwd=folder)
    lines = [line.split() for line in ended.out.splitlines() if line.startswith(("target", "try"))]
    assert ended.code == 0
    assert [(line[0], line[1]) for line in lines] == [("target", "anthropic/claude-sonnet-5"), ("try", "1")]
    assert "`n`" in ended.out


def test_a_request_is_read_for_what_routes_look_at(folder: Path) -> None:
    (folder / "long.json").write_text(
        json.dumps({"model": "fast", "max_tokens": 5, "messages": [{"role": "user", "content": "x " * 200_000}]})
    )
    told = json.loads(
        turnout("explain", "--request", "long.json", "--api", "messages", "--format", "json", cwd=folder).out
    )
    assert (told["route"], told["facts"]["depth"]["max_tokens"]) == ("long-context", 5)


def test_a_body_without_its_path_is_of_the_api_that_it_looks_like(folder: Path) -> None:
    (folder / "response.json").write_text('{"model": "fast", "input": "Hi"}')
    ended = turnout("explain", "--request", "response.json", "--format", "json", cwd=folder)
    assert json.loads(ended.out)["facts"]["api"] == "responses"
    assert ended.err == "note: response.json is taken for a body of the responses API; --api says otherwise\n"
    (folder / "stored.json").write_text('{"model": "fast", "prompt": {"id": "pmpt_1"}}')
    ended = turnout("explain", "--request", "stored.json", "--format", "json", cwd=folder)
    assert "error: stored.json: `messages` is missing" in ended.err


COMPLETION = {"model": "smart", "prompt": "def add(", "suffix": "return c", "seed": 7, "max_tokens": 9, "n": 1}


def test_a_completion_is_translated_and_told_so(folder: Path) -> None:
    (folder / "completion.json").write_text(json.dumps(COMPLETION))
    ended = turnout("explain", "--request", "completion.json", cwd=folder)
    assert ended.err == "note: completion.json is taken for a body of the completions API; --api says otherwise\n"
    assert ended.code == 0
    assert "completions -> messages translation" in ended.out
    assert lost(ended.out) == [["suffix", "approximated"], ["seed", "dropped"]]
    spoken = turnout("explain", "smart", "--api", "completions", "--down", "anthropic", cwd=folder)
    assert (spoken.code, "POST https://api.openai.com/v1/completions" in spoken.out) == (0, True)
    assert "translation" not in spoken.out
    (folder / "completion.json").write_text(json.dumps({**COMPLETION, "prompt": [1, 2]}))
    ended = turnout("explain", "--request", "completion.json", cwd=folder)
    assert (ended.code, "cannot be asked this: `prompt` is token ids" in ended.out) == (0, True)
    assert "POST https://api.openai.com/v1/completions" in ended.out


STEPPED = """\
version: 1
upstreams:
  openai: {kind: openai, api_key: env:OPENAI_API_KEY}
  anthropic: {kind: anthropic, api_key: env:ANTHROPIC_API_KEY}
models:
  smart:
    targets: [anthropic/claude-sonnet-5]
    prompt: house.md.j2
    output: {schema: {type: object}}
  native: {targets: [openai/gpt-5.5], prompt: house.md.j2, output: {schema: {type: object}}}
keys: {anonymous: {}}
"""


@pytest.mark.parametrize(
    ("model", "api", "steps"),
    [
        ("smart", "chat", ["prompt", "output"]),
        ("smart", "count_tokens", ["prompt", "output"]),
        ("smart", "completions", ["prompt"]),
        ("native", "completions", []),
        ("native", "embeddings", []),
    ],
)
def test_only_the_steps_that_are_taken_are_told(folder: Path, model: str, api: str, steps: list[str]) -> None:
    (folder / "house.md.j2").write_text("Be brief.")
    (folder / "proxy.yaml").write_text(STEPPED)
    out = turnout("explain", model, "--api", api, cwd=folder).out
    assert [line.split()[0] for line in out.splitlines() if line.startswith(("prompt", "output"))] == steps
    assert ("only `model` is replaced\n" in f"{out}\n") is (model == "native")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--request", "none.json"), "none.json: No such file or directory"),
        (("--request", "bad.json"), "bad.json: `messages` must be a list, not an integer"),
        (("--request", "half.json"), "half.json: `model` is missing"),
        (("--request", "bad.json", "smart"), "explain needs one of MODEL, --request and --path"),
        ((), "explain needs one of MODEL, --request and --path"),
    ],
)
def test_a_request_that_is_none_is_a_wrong_question(folder: Path, options: tuple[str, ...], told: str) -> None:
    (folder / "bad.json").write_text('{"model": "smart", "messages": 3}')
    (folder / "half.json").write_text('{"body": "cut", "target": 5}')
    ended = turnout("explain", *options, cwd=folder)
    assert (ended.code, ended.out) == (2, "")
    assert f"error: {told}\n  = help: " in ended.err


def test_a_request_that_is_not_answered_ends_with_1(folder: Path) -> None:
    down = turnout("explain", "fast", "--down", "openai", "--down", "anthropic", cwd=folder)
    assert (down.code, "fails" in down.out, "no target answers" in down.out) == (1, True, True)
    unknown = turnout("explain", "smrt", cwd=folder)
    assert unknown.code == 1
    assert "refused  404" in unknown.out
    assert "model_not_found" in unknown.out
    assert "did you mean `smart`?" in unknown.out


def test_facts_come_from_the_options(folder: Path) -> None:
    asked = ("explain", "fast", "--key", "ada", "--base", "team-a", "--header", "X-Team:  blue", "--format", "json")
    ended = turnout(*asked, "--stream", "--tools", "--images", "--thinking", "--max-tokens", "5", cwd=folder)
    told = json.loads(ended.out)
    assert ended.code == 1
    assert told["facts"]["depth"] == {
        "tools": True, "images": True, "thinking": True, "input_tokens": 0, "max_tokens": 5,
    }  # fmt: skip
    assert (told["facts"]["stream"], told["facts"]["headers"]) == (True, {"x-team": "blue"})
    assert told["refusal"] == {"status": 403, "code": "route_denied", "message": "denied by a route"}
    assert (told["route"], told["body"], told["tries"]) == ("blue", "decoded", [])


def test_json_names_the_target_and_what_is_left(folder: Path) -> None:
    told = json.loads(turnout("explain", "smart", "--format", "json", cwd=folder).out)
    assert told["target"] == "anthropic/claude-sonnet-5"
    assert told["tries"] == [
        {
            "target": "anthropic/claude-sonnet-5",
            "entry": "smart",
            "delay": 0.0,
            "reason": None,
            "url": "https://api.anthropic.com/v1/messages",
            "runs": None,
            "translation": "messages",
            "at": "proxy.yaml:7",
        }
    ]
    assert told["else"] == [
        {"entry": "smart", "targets": ["openai/gpt-5.5"]},
        {"entry": "fast", "targets": ["anthropic/claude-haiku-4-5", "openai/gpt-5.5-mini"]},
    ]


TUNED = """\
version: 1
upstreams:
  openai: {kind: openai, api_key: env:OPENAI_API_KEY, optional: true, strip: [x-team, x-app]}
defaults: {model: {set: {seed: 1}, translation: lenient}}
models:
  terse:
    targets: [openai/gpt-5.5]
    fallback: [openai/gpt-5.4]
    set: {temperature: 0, metadata.account: env:ACCOUNT_TOKEN:-nobody}
    unset: [top_p]
    strip: [x-app]
    like: gpt-5.4
  brief: terse
routes:
  - {name: streams, when: {stream: true}, to: brief, set: {temperature: 1}, unset: [seed], translation: strict}
keys: {anonymous: {}}
"""

STREAMED = """\
route        streams           yes  to brief                                                proxy.yaml:15
model        brief             yes  as the route says                                       proxy.yaml:13
             terse             yes  brief is another name for it                            proxy.yaml:6
try 1        openai/gpt-5.5         answers: POST https://api.openai.com/v1/chat/completions  proxy.yaml:7
set          metadata.account       = "nobody"                                              proxy.yaml:9
             temperature            = 1                                                     proxy.yaml:15
unset        seed                                                                           proxy.yaml:15
strip        x-app                                                                          proxy.yaml:11
             x-team                                                                         proxy.yaml:3
like         gpt-5.4                                                                        proxy.yaml:12
translation  strict                                                                         proxy.yaml:15
else         openai/gpt-5.4         openai/gpt-5.4                                          proxy.yaml:8
body         as it is               only `model` is replaced, and what `set` and `unset` name
"""


def test_what_is_done_to_the_request_that_is_answered(folder: Path) -> None:
    (folder / "proxy.yaml").write_text(TUNED)
    ended = turnout("explain", "terse", "--stream", cwd=folder)
    assert [line.split() for line in ended.out.splitlines()] == [line.split() for line in STREAMED.splitlines()]
    told = json.loads(turnout("explain", "terse", "--down", "openai/gpt-5.5", "--format", "json", cwd=folder).out)
    assert told["target"] == "openai/gpt-5.4"
    assert told["tuning"] == {
        "set": {"seed": 1},
        "unset": [],
        "strip": ["x-team", "x-app"],
        "like": None,
        "translation": "lenient",
        "on_break": "error",
        "prompt": None,
        "output": None,
        "memory": None,
        "tools": None,
        "at": {
            "set": {"seed": "proxy.yaml:4"},
            "strip": {"x-team": "proxy.yaml:3", "x-app": "proxy.yaml:3"},
            "translation": {"lenient": "proxy.yaml:4"},
        },
    }
    assert json.loads(turnout("explain", "nothing", "--format", "json", cwd=folder).out)["tuning"] is None


def test_nothing_is_said_to_be_forced_that_an_endpoint_does_not_take(folder: Path) -> None:
    (folder / "proxy.yaml").write_text(
        "version: 1\nupstreams: {openai: {kind: openai}}\ndefaults: {model: {set: {temperature: 0, dimensions: 9}}}\n"
        "models: {small: openai/text-embedding-3-small}\nkeys: {anonymous: {}}\n"
    )
    forced = {
        api: json.loads(turnout("explain", "small", "--api", api, "--format", "json", cwd=folder).out)["tuning"]
        for api in ("chat", "embeddings")
    }
    assert forced["chat"]["set"] == {"temperature": 0, "dimensions": 9}
    assert forced["embeddings"]["set"] == {"dimensions": 9}
    assert forced["embeddings"]["at"] == {"set": {"dimensions": "proxy.yaml:3"}}


def test_a_forced_value_that_may_be_secret_is_masked(folder: Path) -> None:
    (folder / "proxy.yaml").write_text(TUNED)
    for form in ("text", "json"):
        ended = turnout("explain", "terse", "--format", form, cwd=folder, ACCOUNT_TOKEN="canary-of-the-account")
        assert "metadata.account" in ended.out
        assert "canary" not in ended.out


def test_live_asks_the_environment(folder: Path) -> None:
    assert "demo/anything" in turnout("explain", "anything", "--live", cwd=folder).out
    one = turnout("explain", "smart", "--live", cwd=folder, OPENAI_API_KEY="sk-0123456789-0123456789")
    assert "try 1   openai/gpt-5.5" in one.out
    other = turnout("explain", "smart", "--live", cwd=folder, CLAUDE_KEY="sk-ant-0123456789-0123456789")
    assert "try 1  anthropic/claude-sonnet-5" in other.out
    asked = ("explain", "smart", "--live", "--api", "embeddings")
    neither = turnout(*asked, cwd=folder, CLAUDE_KEY="sk-ant-0123456789-0123456789")
    assert neither.code == 1
    assert "OPENAI_API_KEY is not set" in neither.out
    assert "404" in turnout("explain", "anything", cwd=folder).out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--key", "adda"), "error: no key `adda` in the file\n  = help: did you mean `ada`?\n"),
        (("--base", "x"), "error: no base `x` in the file\n  = help: bases: team-a\n"),
        (("--down", "opnai/x"), "error: no upstream `opnai` in the file\n  = help: did you mean `openai`?\n"),
        (
            ("--down", "openai/gtp-5.5"),
            "error: no target `openai/gtp-5.5` in the file\n  = help: did you mean `openai/gpt-5.5`?\n",
        ),
        (
            ("--down", "demo/typo"),
            "error: no target `demo/typo` in the file\n  = help: did you mean `demo/smart`?\n",
        ),
        (
            ("--path", "/v1/x"),
            "error: explain needs one of MODEL, --request and --path\n"
            "  = help: name what the client asks for, or a file with its request, or the path of a `pass` route\n",
        ),
        (("--header", "x-team"), "error: `x-team` is no header\n  = help: write 'name: value'\n"),
    ],
)
def test_a_name_that_the_file_does_not_know_is_a_wrong_question(
    folder: Path, options: tuple[str, ...], told: str
) -> None:
    ended = turnout("explain", "smart", *options, cwd=folder)
    assert (ended.code, ended.out, ended.err) == (2, "", told)


PASS = """\
version: 1
upstreams:
  openai: {kind: openai}
  spare: {kind: openai, enabled: false}
models: {smart: {targets: [spare/a, openai/b]}}
routes:
  - {name: no-edits, when: {path: "/v1/images/edits"}, deny: {}}
  - {name: images, when: {path: "/v1/images/**", method: POST}, pass: openai}
bases: {team-a: {prefix: /team-a}}
keys: {anonymous: {routes: [images]}, ada: {}}
"""
PASSED = """\
route   no-edits  no   /v1/images/generations is not /v1/images/edits     proxy.yaml:7
        images    yes  passes to openai                                   proxy.yaml:8
passes  openai         POST https://api.openai.com/v1/images/generations
"""
ASKED = [
    (("/v1/images/generations", "--down", "openai"), 1, "down (as told)"),
    (("/v1/images/generations", "--key", "ada"), 1, "route_not_allowed"),
    (("/v1/images/edits",), 1, "route_denied"),
    (("/v1/images/x", "--method", "get"), 1, "method is GET, not POST"),
    (("/team-a/v1/images/x",), 0, "POST https://api.openai.com/v1/images/x"),
    (("/v1/messages",), 2, "`turnout explain MODEL --api messages`"),
    (("/v1/models",), 2, "Turnout answers `/v1/models` itself"),
    (("/v1/../x",), 2, "dot segment"),
]


def test_a_pass_route_is_asked_for_by_its_path(folder: Path) -> None:
    (folder / "proxy.yaml").write_text(PASS)
    assert turnout("explain", "--path", "/v1/images/generations", cwd=folder) == (0, PASSED, "")
    told = json.loads(turnout("explain", "--path", "/v1/images/x", "--format", "json", cwd=folder).out)
    assert told["passes"] == {"upstream": "openai", "url": "https://api.openai.com/v1/images/x"}
    assert (told["target"], told["tries"]) == (None, [])


@pytest.mark.parametrize(("asked", "code", "says"), ASKED)
def test_what_else_becomes_of_a_path(folder: Path, asked: tuple[str, ...], code: int, says: str) -> None:
    (folder / "proxy.yaml").write_text(PASS)
    ended = turnout("explain", "--path", *asked, cwd=folder)
    assert (ended.code, says in ended.out + ended.err) == (code, True)


def test_a_target_that_is_off_is_no_try(folder: Path) -> None:
    (folder / "proxy.yaml").write_text(PASS)
    told = [line.split() for line in turnout("explain", "smart", cwd=folder).out.splitlines()]
    assert ["target", "spare/a", "skipped", "off:", "enabled:", "false", "proxy.yaml:5"] in told
    assert ["try", "1", "openai/b", "answers:", "POST"] in [line[:5] for line in told]


def test_down_may_stand_before_the_model_and_again(folder: Path) -> None:
    ended = turnout("explain", "--down", "openai", "--down", "anthropic", "smart", cwd=folder)
    assert (ended.code, "no target answers" in ended.out) == (1, True)


def test_tokens_are_counted_from_zero(folder: Path) -> None:
    ended = turnout("explain", "smart", "--input-tokens", "-5", cwd=folder)
    assert (ended.code, "-5 is no number of tokens" in ended.err) == (2, True)


def test_the_file_that_ships_is_named_once(tmp_path: Path) -> None:
    out = turnout("explain", "smart", cwd=tmp_path).out
    assert "  proxy.yaml:" in out
    assert out.count(str(ROOT)) == 1
    assert "proxy.yaml is the one that ships: " in out


def test_a_file_with_errors_shows_them(folder: Path) -> None:
    (folder / "proxy.yaml").write_text("version: 1\nmodels: {a: b}\n")
    ended = turnout("explain", "a", cwd=folder)
    assert (ended.code, ended.out) == (1, "")
    assert "error[unknown-model]" in ended.err


REQUESTS = ROOT / "tests" / "data" / "profiles"
ANY_SOURCE = "; ".join(BY_NAME["claude-code"].source)


def lines_of(out: str, section: str) -> list[list[str]]:
    """Return the cells of the lines of a section."""
    rows = [re.split(r" {2,}", line.rstrip()) for line in out.splitlines()]
    found: list[list[str]] = []
    within = False
    for row in rows:
        within = row[0] == section or (within and row[0] == "")
        if within:
            found.append([cell for cell in row[1:] if cell])
    return found


def test_the_client_is_told_by_name_and_what_counts_of_it(folder: Path) -> None:
    ended = turnout(
        "explain", "smart", "--client", "claude-code", "--api", "messages", "--down", "anthropic", cwd=folder
    )
    assert lines_of(ended.out, "client") == [
        ["claude-code", "Claude Code", ANY_SOURCE],
        ["quiet", "context_management, safeguards, diagnostics: counts as approximated where it is left out"],
        ["session", "x-claude-code-session-id: the cache key, where the body has none"],
    ]
    asked = turnout("explain", "smart", "--client", "claude-code", "--api", "messages", cwd=folder)
    assert lines_of(asked.out, "client") == [["claude-code", "Claude Code", ANY_SOURCE]]


def test_the_client_is_told_by_headers(folder: Path) -> None:
    header = ("--header", "User-Agent: QwenCode/0.15.10 (linux; x64)", "--format", "json")
    told = json.loads(turnout("explain", "smart", *header, cwd=folder).out)
    assert (told["facts"]["client"], told["client"]["name"]) == ("qwen-code", "qwen-code")
    assert told["client"]["quirks"] == {"reasoning": ["reasoning_content"]}
    assert all(told["client"]["source"])
    said = json.loads(turnout("explain", "smart", *header, "--client", "aider", cwd=folder).out)
    assert said["client"]["name"] == "aider"
    nobody = json.loads(turnout("explain", "smart", "--format", "json", cwd=folder).out)
    assert (nobody["client"], nobody["facts"]["client"]) == (None, None)
    assert lines_of(turnout("explain", "smart", cwd=folder).out, "client") == []


@pytest.mark.parametrize("name", ["claude-code/01", "cline/cli-chat", "zoo/roo", "cursor/chat", "tabby/completion"])
def test_the_client_is_told_by_a_captured_request(folder: Path, name: str) -> None:
    request = str(REQUESTS / f"{name}.json")
    told = json.loads(turnout("explain", "--request", request, "--format", "json", cwd=folder).out)
    assert told["client"]["name"] == name.partition("/")[0]
    headers = told["facts"]["headers"]
    assert "content-type" in headers
    assert not {"authorization", "x-api-key"} & headers.keys()


def test_a_header_of_the_command_line_wins_over_a_captured_one(folder: Path) -> None:
    request = str(REQUESTS / "zoo" / "roo.json")
    header = ("--header", "user-agent: opencode/1", "--format", "json")
    told = json.loads(turnout("explain", "--request", request, *header, cwd=folder).out)
    assert (told["client"]["name"], told["facts"]["headers"]["user-agent"]) == ("opencode", "opencode/1")


def test_headers_may_be_captured_as_pairs(folder: Path) -> None:
    pairs = [["User-Agent", "opencode/1"], ["Authorization", "Bearer KEY"], ["X-Odd"], None]
    (folder / "captured.json").write_text(
        json.dumps({"url": "/v1/chat/completions", "headers": pairs, "body": REQUEST})
    )
    told = json.loads(turnout("explain", "--request", "captured.json", "--format", "json", cwd=folder).out)
    assert (told["client"]["name"], told["facts"]["headers"]) == ("opencode", {"user-agent": "opencode/1"})


def test_a_route_for_one_client(folder: Path) -> None:
    text = FILE.replace("routes:\n", "routes:\n  - {name: own, when: {client: codex}, to: fast}\n")
    (folder / "proxy.yaml").write_text(text)
    assert lines_of(turnout("explain", "smart", "--client", "codex", cwd=folder).out, "route")[0][:2] == ["own", "yes"]
    other = lines_of(turnout("explain", "smart", "--client", "aider", cwd=folder).out, "route")[0]
    assert other[:3] == ["own", "no", "client is aider, not codex"]
    nobody = lines_of(turnout("explain", "smart", cwd=folder).out, "route")[0]
    assert nobody[:3] == ["own", "no", "the client is not recognised"]


def test_a_client_that_nobody_knows(folder: Path) -> None:
    ended = turnout("explain", "smart", "--client", "claude", cwd=folder)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: no client is called `claude`\n  = help: did you mean `claude-code`?\n"


def test_what_is_left_out_does_not_count_as_dropped_for_who_sends_it_always(folder: Path) -> None:
    request = str(REQUESTS / "claude-code" / "01.json")
    (folder / "proxy.yaml").write_text(FILE.replace("models:\n", "models:\n  claude-*: openai/gpt-5.5\n"))
    grades = {}
    for client in ("claude-code", "aider"):
        shown = ("--request", request, "--client", client, "--format", "json")
        told = json.loads(turnout("explain", *shown, cwd=folder).out)
        grades[client] = {one["path"]: one["grade"] for one in told["losses"]}["context_management"]
    assert grades == {"claude-code": "approximated", "aider": "dropped"}


PINNED = """
version: 1
upstreams:
  ra: {kind: openai, base_url: "http://127.0.0.1:1/v1", apis: [responses]}
  rb: {kind: openai, base_url: "http://127.0.0.1:2/v1", apis: [responses]}
models: {two: {targets: [ra/x, rb/x]}}
keys: {anonymous: {}}
"""


@pytest.mark.parametrize(
    ("named", "stays"), [({}, False), ({"conversation": "conv_1"}, True), ({"previous_response_id": "resp_1"}, True)]
)
def test_what_goes_on_from_what_an_upstream_keeps_stays_there(
    tmp_path: Path, named: dict[str, str], stays: bool
) -> None:
    (tmp_path / "proxy.yaml").write_text(PINNED)
    (tmp_path / "request.json").write_text(json.dumps({"model": "two", "input": "x", **named}))
    asked = ("explain", "--api", "responses", "--request", "request.json", "--down", "ra")
    ended = turnout(*asked, cwd=tmp_path)
    assert ("no other is asked" in ended.out, "rb/x" in ended.out) == (stays, not stays)
    assert ended.code == (1 if stays else 0)


CARRIED = """
version: 1
upstreams: {a: {kind: echo}, b: {kind: echo}}
models:
  two: {targets: [a/x, b/x], fallback: [b/z], retries: 0, on_break: continue}
  again: {targets: [a/x], retries: 1, on_break: continue}
  plain: {targets: [a/x, b/x]}
keys: {anonymous: {}}
"""


def test_who_would_carry_a_broken_stream_on(folder: Path) -> None:
    (folder / "proxy.yaml").write_text(CARRIED)

    def told(*args: str) -> tuple[str, object]:
        text, form = turnout("explain", *args, cwd=folder), turnout("explain", *args, "--format", "json", cwd=folder)
        lines = [line for line in text.out.splitlines() if line.startswith("on break")]
        return "\n".join(lines), json.loads(form.out)["on_break"]

    line, carried = told("two", "--stream")
    assert carried == {"by": ["b/x", "b/z"], "why": ""}
    assert "carried on by b/x; then b/z; from there on the stream is written anew" in line
    assert line.endswith("proxy.yaml:5")
    assert told("again")[1] == {"by": ["a/x"], "why": ""}
    assert told("plain") == ("", None)
    line, carried = told("two", "--api", "completions")
    assert carried == {"by": [], "why": "no answer of the completions API is carried on"}
    assert "an error: no answer of the completions API is carried on" in line
    body = {"model": "two", "stream": True, "messages": [{"role": "user", "content": "x"}], "n": 2}
    (folder / "body.json").write_text(json.dumps(body))
    assert told("--request", "body.json")[1] == {"by": [], "why": "`n` asks for more than plain text"}
