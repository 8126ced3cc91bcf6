"""What `turnout explain` prints: an explanation as aligned lines for people, or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.dialects import CODECS, COUNTS, is_estimated
from engine.plan.balance import explained
from engine.plan.layers import Tuning
from engine.plan.reach import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.diagnostics import Span
    from engine.plan.explain import Attempt, Explanation, Passage

CARRIED = "; from there on the stream is written anew. Where more than plain text has gone out: an error"
ASKED = "`stream_options.include_usage` is set, and the chunk it adds kept from the client"
LONGEST = 60
"""Characters that are shown of a forced value."""
DECODED = {"route": "route", "limits": "limit"}
"""Section -> what an entry of it is called that needs the whole body."""
EDITED = ", and what `set` and `unset` name"
PROMPTED = ", and the system prompt"
REMEMBERED = ", and what was said before is put in front"
TOOLED = ", and tools of the file are added"
SHAPED = ", and the form of the answer"


class Line(NamedTuple):
    """A line of the explanation, in columns."""

    section: str
    name: str
    verdict: str
    why: str
    place: str


def lines(told: Explanation) -> Iterator[Line]:
    """Yield the explanation, in the order in which things happen."""
    decision = told.decision
    if decision.facts.suffix is not None:
        yield Line("asked", decision.facts.model or "", "", f"`{decision.facts.suffix}` is cut from the name", "")
    yield from _known(told)
    for step in (*decision.trace, *told.limits):
        yield Line(step.section, step.name, step.verdict, step.why, _place(step.span))
    if decision.refusal is not None:
        yield Line("refused", str(decision.refusal.status), decision.refusal.code, decision.refusal.message, "")
        return
    if told.passage is not None:
        yield Line("passes", told.passage.upstream, "", _passed(told.passage, decision.facts.method), "")
    yield from (
        Line("shares", pool.entry, pool.balance, explained(pool), _place(pool.targets[0].span))
        for pool in decision.pools
        if pool.shared
    )
    yield from _tried(told.tries, decision.facts.api)
    if told.tuning is not None:
        yield from _tuned(told.tuning)
    for loss in told.losses:
        yield Line("loss", loss.path, loss.grade, loss.reason, "")
    if told.unfit is not None:
        yield Line("refused", str(told.unfit.status), told.unfit.code, told.unfit.message, "")
    elif not told.answered:
        yield Line("fails", "", "", "no target answers" if told.passage is None else "nobody answers", "")
    for pool, targets in told.left:
        yield Line("else", pool.entry, "", ", ".join(str(target) for target in targets), _place(targets[0].span))
    if told.on_break is not None:
        told_on = "; then ".join(told.on_break.by)
        why = f"carried on by {told_on}{CARRIED}" if told_on else f"an error: {told.on_break.why}"
        yield Line("on break", "continue", "", why, _place(told.on_break.span))
    yield from _stepped(told)
    yield from _opened(told)


def _stepped(told: Explanation) -> Iterator[Line]:
    """Yield what the file has done to the conversation."""
    tuning = _steps(told)
    prompt, output, memory, tools = tuning.prompt, tuning.output, tuning.memory, tuning.tools
    if memory is not None:
        most = f"{memory.messages} messages" if memory.messages is not None else f"{memory.tokens} tokens"
        why = f"the last {most} of the session that the client names are put in front"
        why += f", and a summary of the rest by {memory.summary}" if memory.summary is not None else ""
        yield Line("memory", "", "", why, _place(memory.span))
    if prompt is not None:
        names = f", with {', '.join(prompt.vars)}" if prompt.vars else ""
        place = "in place of" if prompt.place == "replace" else prompt.place
        yield Line("prompt", prompt.name, prompt.place, f"{place} the system prompt{names}", _place(prompt.span))
    if tools is not None:
        seen = "announced in the answer" if tools.announced else "invisible to the client"
        for source in tools.sources:
            absent = "" if source.declared.required else "; left out while it cannot be reached"
            why = f"run here, {seen}, at most {tools.rounds} rounds; answers are held until the last{absent}"
            yield Line("tools", source.name, "", why, _place(source.span))
    if output is not None:
        often = f"; asked again at most {output.retries} times" if output.retries else ""
        yield Line("output", output.name, "", f"held until it satisfies the schema{often}", _place(output.span))


def _steps(told: Explanation) -> Tuning:
    """Return the settings whose steps are taken: a conversation's all; of a completion's the prompt, if translated."""
    facts, pools = told.decision.facts, told.decision.pools
    form = COUNTS.get(facts.api or "", facts.form or facts.api)
    if not pools:
        return Tuning()
    if form in CODECS:
        return pools[0].tuning
    translated = bool(told.tries) and told.tries[-1].into is not None
    return Tuning(prompt=pools[0].tuning.prompt if translated else None)


def _opened(told: Explanation) -> Iterator[Line]:
    """Yield how deep the request and its answer are looked into, and for what."""
    for step in told.deep:
        yield Line("body", "decoded", "", f"{DECODED[step.section]} {step.name} looks at {step.why}", _place(step.span))
    for step in told.metered:
        yield Line("body", "usage read", "", f"because {step.why}", _place(step.span))
    if told.asks:
        yield Line("body", "usage asked", "", ASKED, "")
    if told.tries and told.decision.facts.api == "realtime":
        yield Line("frames", "as they are", "", "both ways; only the `model` of the session is replaced", "")
    elif told.tries and told.tries[-1].into is None and not told.deep:
        edits = EDITED if told.tuning is not None and told.tuning.edits else ""
        steps = _steps(told)
        edits += PROMPTED if steps.prompt is not None else ""
        edits += REMEMBERED if steps.memory is not None else ""
        edits += TOOLED if steps.tools is not None else ""
        edits += SHAPED if steps.output is not None else ""
        yield Line("body", "as it is", "", f"only `model` is replaced{edits}", "")


def _known(told: Explanation) -> Iterator[Line]:
    """Yield who asks, where that is known from, and what is done because of it."""
    if told.client is not None:
        yield Line("client", told.client.name, "", told.client.title, "; ".join(told.client.source))
        yield from (Line("client", "", quirk.word, str(quirk), "") for quirk in told.quirks)


def _tried(tries: Iterable[Attempt], api: str | None) -> Iterator[Line]:
    """Yield a line for each target that is tried, numbered; nothing is sent to one that is off."""
    number = 0
    for attempt in tries:
        place = _place(attempt.target.span)
        if attempt.failure is not None and attempt.failure.reason == "off":
            off = "" if attempt.unfit is not None else "off: "
            yield Line("target", str(attempt.target), "skipped", off + attempt.failure.message, place)
        else:
            number += 1
            yield Line(f"try {number}", str(attempt.target), "", _went(attempt, api), place)


def _tuned(tuning: Tuning) -> Iterator[Line]:
    """Yield a line for each thing that is done to the request on its way."""
    for key, name, why in _said(tuning):
        yield Line(key, name, "", why, _place(tuning.places.get((key, name))))


def _said(tuning: Tuning) -> Iterator[tuple[str, str, str]]:
    """Yield (key, what it is about, to which value)."""
    for path, value in tuning.set.items():
        shown = json.dumps(value, ensure_ascii=False)
        yield "set", path, f"= {shown}" if len(shown) <= LONGEST else f"= {shown[:LONGEST]}…"
    yield from (("unset", path, "") for path in tuning.unset)
    yield from (("strip", name, "") for name in tuning.strip)
    if tuning.like is not None:
        yield "like", tuning.like, ""
    if ("translation", tuning.translation) in tuning.places:
        yield "translation", tuning.translation, ""


def _passed(passage: Passage, method: str) -> str:
    return passage.failure.message if passage.failure is not None else f"{method} {passage.url}"


def _went(attempt: Attempt, api: str | None) -> str:
    waited = f"after up to {attempt.delay:g} s: " if attempt.delay else ""
    if attempt.failure is not None:
        return f"{waited}{attempt.failure.message}"
    if is_estimated(api, attempt.into):
        return f"{waited}answered here: an estimate"
    method = METHODS.get(api or "", "POST")
    how = f"answers: {method} {attempt.url}" if attempt.url is not None else "answers by itself"
    if attempt.runs is not None:
        how = f"answers: runs {attempt.runs}"
    across = f"; {api} -> {attempt.into} translation" if attempt.into is not None else ""
    return f"{waited}{how}{across}"


def _place(span: Span | None) -> str:
    return f"{span.file}:{span.line}" if span is not None else ""


def aligned(rows: Iterable[Line]) -> Iterator[str]:
    """Yield the lines in columns; a section is named once."""
    table = list(rows)
    widths = [max((len(row[column]) for row in table), default=0) for column in range(4)]
    before = ""
    for row in table:
        section = "" if row.section == before else row.section
        before = row.section
        cells = [f"{cell:<{width}}" for cell, width in zip((section, *row[1:4]), widths, strict=True) if width]
        yield "  ".join([*cells, row.place]).rstrip()


def as_json(told: Explanation) -> dict[str, Any]:
    """Return the explanation as one JSON object."""
    import msgspec

    decision = told.decision
    refusal = decision.refusal or told.unfit
    return {
        "facts": msgspec.to_builtins(decision.facts),
        "trace": [
            {"section": s.section, "name": s.name, "verdict": s.verdict, "why": s.why, "at": _place(s.span)}
            for s in decision.trace
        ],
        "limits": [{"name": s.name, "verdict": s.verdict, "why": s.why, "at": _place(s.span)} for s in told.limits],
        "client": _client(told),
        "route": decision.route,
        "balance": [
            {
                "entry": pool.entry,
                "balance": pool.balance,
                "sticky": "session" if pool.sticky else "off",
                "weights": {str(target): target.weight for target in pool.targets},
            }
            for pool in decision.pools
            if pool.shared
        ],
        "tries": [
            {
                "target": str(attempt.target),
                "entry": attempt.entry,
                "delay": attempt.delay,
                "reason": attempt.failure.reason if attempt.failure else None,
                "url": attempt.url,
                "runs": attempt.runs,
                "translation": attempt.into,
                "at": _place(attempt.target.span),
            }
            for attempt in told.tries
            if attempt.failure is None or attempt.failure.reason != "off"
        ],
        "off": [str(one.target) for one in told.tries if one.failure is not None and one.failure.reason == "off"],
        "passes": {"upstream": told.passage.upstream, "url": told.passage.url} if told.passage else None,
        "target": str(told.tries[-1].target) if told.answered and told.tries else None,
        "tuning": _tuning(told.tuning) if told.tuning is not None else None,
        "else": [{"entry": pool.entry, "targets": [str(target) for target in targets]} for pool, targets in told.left],
        "on_break": {"by": list(told.on_break.by), "why": told.on_break.why} if told.on_break is not None else None,
        "body": _body(told),
        "asks_usage": told.asks,
        "usage": [{"why": step.why, "at": _place(step.span)} for step in told.metered],
        "losses": [{"path": one.path, "grade": one.grade, "reason": one.reason} for one in told.losses],
        "refusal": {"status": refusal.status, "code": refusal.code, "message": refusal.message} if refusal else None,
    }


def _body(told: Explanation) -> str:
    if told.tries and told.tries[-1].into is not None:
        return "translated"
    return "decoded" if told.deep else "as it is"


def _client(told: Explanation) -> dict[str, Any] | None:
    """Return what is known of who asks, and what of it counts."""
    if told.client is None:
        return None
    quirks = {quirk.word: list(quirk.about) for quirk in told.quirks}
    return {"name": told.client.name, "source": list(told.client.source), "quirks": quirks}


def _tuning(tuning: Tuning) -> dict[str, Any]:
    """Return what is done to a request; `at` says where the file has it."""
    at: dict[str, dict[str, str]] = {}
    for (key, name), span in tuning.places.items():
        at.setdefault(key, {})[name] = _place(span)
    return {
        "set": tuning.set,
        "unset": list(tuning.unset),
        "strip": list(tuning.strip),
        "like": tuning.like,
        "translation": tuning.translation,
        "on_break": tuning.on_break,
        "prompt": {"template": tuning.prompt.name, "place": tuning.prompt.place, "vars": tuning.prompt.vars}
        if tuning.prompt is not None
        else None,
        "memory": {"messages": tuning.memory.messages, "tokens": tuning.memory.tokens} if tuning.memory else None,
        "tools": {
            "from": [source.name for source in tuning.tools.sources],
            "max_rounds": tuning.tools.rounds,
            "announce": tuning.tools.announced,
        }
        if tuning.tools is not None
        else None,
        "output": {"schema": tuning.output.schema, "retries": tuning.output.retries} if tuning.output else None,
        "at": at,
    }
