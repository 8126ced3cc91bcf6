"""Which target next: transcripts of rules T1 and T2, and what holds for every course."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from hypothesis import given
from hypothesis import strategies as st

from engine.chat import REASONS, Failure, Reason
from engine.config.sections.models import FALLBACK_ON
from engine.facts import Facts
from engine.plan.attempts import AGAIN, MAX_TRIES, NO_TRY, attempts
from engine.plan.nodes import Decision, Done, Pool, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = Done()


def failed(reason: Reason, retry_after: float | None = None) -> Done:
    return Done(failure=Failure(reason=reason, message=reason, retry_after=retry_after))


def pool(entry: str, *targets: str, retries: int = 1, fallback_on: tuple[Reason, ...] = FALLBACK_ON) -> Pool:
    split = (target.partition("/") for target in targets)
    return Pool(
        entry=entry,
        targets=tuple(Target(upstream=upstream, model=model) for upstream, _, model in split),
        retries=retries,
        fallback_on=frozenset(fallback_on),
    )


def transcript(
    pools: list[Pool], reply: Callable[[str], Done], jitter: Callable[[float], float] = lambda longest: longest
) -> list[str]:
    """Drive a course; return each try (`+2s` is the wait before it) and, last, how it ended."""
    lines = []
    course = attempts(Decision(facts=Facts(api="chat"), trace=(), pools=tuple(pools)), jitter)
    try:
        command = next(course)
        while True:
            wait = f" +{command.delay:g}s" if command.delay else ""
            lines.append(f"{command.target}{wait}")
            command = course.send(reply(str(command.target)))
    except StopIteration as stop:
        ended: Done = stop.value
        return [*lines, f"= {ended.failure.message if ended.failure else 'ok'}"]


def scripted(*replies: Done) -> Callable[[str], Done]:
    script: Iterator[Done] = iter(replies)
    return lambda _target: next(script)


def always(done: Done) -> Callable[[str], Done]:
    return lambda _target: done


def test_the_first_answer_ends_it() -> None:
    assert transcript([pool("smart", "a/1", "b/1")], always(OK)) == ["a/1", "= ok"]


def test_the_order_is_gone_through_without_waiting_then_again_from_its_start() -> None:
    smart = pool("smart", "a/1", "b/1", retries=3)
    assert transcript([smart], always(failed("connect"))) == [
        "a/1", "b/1", "a/1 +0.25s", "b/1 +0.5s", "a/1 +1s", "= connect",
    ]  # fmt: skip


def test_backoff_doubles_up_to_eight_seconds_and_is_jittered() -> None:
    lone = pool("lone", "a/1", retries=8)
    assert transcript([lone], always(failed("overloaded"))) == [
        "a/1", "a/1 +0.25s", "a/1 +0.5s", "a/1 +1s", "a/1 +2s", "a/1 +4s", "a/1 +8s", "a/1 +8s", "= overloaded",
    ]  # fmt: skip
    halved = transcript([pool("lone", "a/1")], always(failed("overloaded")), lambda longest: longest / 2)
    assert halved == ["a/1", "a/1 +0.125s", "= overloaded"]


def test_retry_after_is_obeyed_up_to_ten_seconds_beyond_that_the_target_is_left_alone() -> None:
    patient = pool("p", "a/1", "b/1", retries=2)
    replies = scripted(failed("rate_limit", 10), failed("rate_limit", 10.5), failed("rate_limit", 0), OK)
    assert transcript([patient], replies) == ["a/1", "b/1", "a/1 +10s", "a/1", "= ok"]


def test_fallbacks_follow_each_with_its_own_retries() -> None:
    pools = [pool("smart", "a/1", retries=1), pool("fast", "b/1", "c/1", retries=2), pool("x/y", "x/y", retries=0)]
    assert transcript(pools, always(failed("server_error"))) == [
        "a/1", "a/1 +0.25s", "b/1", "c/1", "b/1 +0.25s", "c/1 +0.5s", "x/y", "= server_error",
    ]  # fmt: skip


def test_no_target_is_tried_by_two_pools_or_twice_in_the_order_of_one() -> None:
    pools = [pool("smart", "a/1", "b/1", "a/1", retries=0), pool("fast", "b/1", "c/1", retries=0)]
    assert transcript(pools, always(failed("timeout"))) == ["a/1", "b/1", "c/1", "= timeout"]


def test_what_cannot_have_changed_is_not_asked_again() -> None:
    for reason in ("auth", "quota"):
        assert transcript([pool("s", "a/1", "b/1")], always(failed(reason))) == ["a/1", "b/1", f"= {reason}"]
    brave = pool("s", "a/1", "b/1", fallback_on=REASONS)
    for other in ("not_found", "bad_request", "content_filter", "context_length"):
        assert transcript([brave], always(failed(other))) == ["a/1", "b/1", f"= {other}"]  # type: ignore[arg-type]  # words of REASONS


def test_a_reason_that_is_not_declared_ends_it_at_once() -> None:
    pools = [pool("smart", "a/1", "b/1"), pool("fast", "c/1")]
    assert transcript(pools, always(failed("bad_request"))) == ["a/1", "= bad_request"]
    assert transcript([pool("s", "a/1", "b/1", fallback_on=("connect",))], always(failed("timeout"))) == [
        "a/1", "= timeout",
    ]  # fmt: skip


def test_off_cooling_and_limited_cost_neither_a_try_nor_a_retry() -> None:
    pools = [pool("smart", *(f"off/{n}" for n in range(20)), "a/1", retries=1)]
    course = transcript(pools, lambda target: failed("off" if target.startswith("off") else "connect"))
    assert course[-3:] == ["a/1", "a/1 +0.25s", "= connect"]
    assert len(course) == 20 + 3

    replies = scripted(failed("connect"), failed("connect"), failed("cooling"), failed("connect"), OK)
    assert transcript([pool("s", "a/1", "b/1", retries=2)], replies) == [
        "a/1", "b/1", "a/1 +0.25s", "b/1 +0.25s", "b/1 +0.5s", "= ok",
    ]  # fmt: skip


def test_at_most_eight_real_tries() -> None:
    pools = [pool("smart", "a/1", "b/1", "c/1", retries=8), pool("fast", "d/1")]
    course = transcript(pools, always(failed("connect")))
    assert len(course) == MAX_TRIES + 1
    assert "d/1" not in course


def test_the_outcome_is_the_last_real_failure() -> None:
    fallbacks = [pool("smart", "a/1", retries=0), pool("fast", "b/1", "c/1")]
    assert transcript(fallbacks, scripted(failed("overloaded"), failed("off"), failed("limited")))[-1] == "= overloaded"
    assert transcript(fallbacks, scripted(failed("cooling"), failed("off"), failed("limited")))[-1] == "= limited"
    assert transcript(fallbacks, scripted(failed("off"), failed("auth"), failed("off")))[-1] == "= auth"


def test_without_targets_there_is_nothing_to_try() -> None:
    assert transcript([], always(OK)) == ["= there is no target to try"]


REASON = st.sampled_from(get_args(Reason))
POOLS = st.lists(
    st.builds(
        lambda targets, retries, reasons: pool("e", *targets, retries=retries, fallback_on=tuple(reasons)),
        st.lists(st.sampled_from([f"{u}/{m}" for u in "abcd" for m in "123"]), min_size=1, max_size=8),
        st.integers(0, 8),
        st.one_of(st.just(FALLBACK_ON), st.just(REASONS), st.lists(REASON)),
    ),
    max_size=5,
)
REPLIES = st.one_of(st.builds(failed, REASON, st.one_of(st.none(), st.floats(-1, 60))), st.just(OK))


@given(POOLS, st.data())
def test_every_course_ends_within_its_bounds(pools: list[Pool], data: st.DataObject) -> None:
    course = attempts(Decision(facts=Facts(api="chat"), trace=(), pools=tuple(pools)), lambda longest: longest)
    real: list[Done] = []
    owner: dict[str, int] = {}
    last: dict[str, Done] = {}
    done = None
    try:
        command = next(course)
        while True:
            at = next(index for index, one in enumerate(pools) if one is command.pool or one == command.pool)
            target = str(command.target)
            assert len(real) < MAX_TRIES
            assert 0 <= command.delay <= 10
            untried = {str(one) for one in command.pool.targets} - set(last)
            assert not (command.delay and untried), "waits while an untried target of the entry is left"
            assert owner.setdefault(target, at) == at or pools[owner[target]] == command.pool
            if target in last:
                assert last[target].failure is not None
                assert last[target].failure.reason in AGAIN
            done = last[target] = data.draw(REPLIES)
            if done.failure is None or done.failure.reason not in NO_TRY:
                real.append(done)
            command = course.send(done)
    except StopIteration as stop:
        outcome = stop.value
    assert outcome == (real[-1] if real else done or outcome)
