"""Why an answer ended, and what it cost."""

from __future__ import annotations

from tests.conformance.check import Room, must, same
from tests.conformance.upstream.scenarios import STOP_WORD, USAGE, plain_text
from tests.conformance.words import Ask


def usage(room: Room) -> None:
    """The tokens are told as the upstream counted them, cached ones too, and the sums are right.

    chat and responses: the input holds what was cached, total is the sum; messages: input_tokens are those that were
    neither read from the cache nor written to it. A client of chat asks for include_usage in a stream.
    """
    tokens = room.says("usage").tokens
    found = (tokens.input, tokens.cached, tokens.output)
    same(found, (USAGE.input, USAGE.cached, USAGE.output), "input (all of it), cached and output tokens")
    if room.pair.client != "messages":
        same(tokens.total, found[0] + found[2], "total_tokens")


def reasoning_tokens(room: Room) -> None:
    """The tokens of reasoning are told, as a part of the output.

    chat: completion_tokens_details.reasoning_tokens; messages: output_tokens_details.thinking_tokens; responses:
    output_tokens_details.reasoning_tokens.
    """
    same(room.says("usage").tokens.reasoning, USAGE.reasoning, "reasoning tokens")


def length(room: Room) -> None:
    """An answer that was cut off by the limit says so.

    chat: finish_reason length; messages: stop_reason max_tokens; responses: incomplete, max_output_tokens.
    """
    reading = room.says("length")
    same(reading.stop, "length", f"why the answer ended ({reading.stop_word})")
    same(reading.text, plain_text(room.nonce), "the text")


def stop_sequence(room: Room) -> None:
    """Stop sequences reach the upstream, and an answer that one ended says what the client's API can say of it.

    chat: stop, finish_reason stop; messages: stop_sequences, stop_reason stop_sequence and which one. An upstream of
    chat does not tell that it was one.
    """
    reading = room.says("stop-sequence", Ask("Hello.", stops=(STOP_WORD, "###")))
    same(room.arrived().heard.stops, [STOP_WORD, "###"], "the upstream's stop sequences")
    if room.pair.client == room.pair.upstream == "messages":
        same((reading.stop, reading.stop_sequence), ("stop_sequence", STOP_WORD), "why the answer ended")
    else:
        must(reading.stop in ("end", "stop_sequence"), f"the answer ended by {reading.stop_word}")


def refusal(room: Room) -> None:
    """A refusal is told as one, not as an empty answer that went well.

    messages: stop_reason refusal; chat: message.refusal or finish_reason content_filter; responses: a refusal part, or
    incomplete by content_filter.
    """
    reading = room.says("refusal")
    must(reading.stop in ("refusal", "filter"), f"the answer ended by {reading.stop_word}, text {reading.text!r:.100}")


def content_filter(room: Room) -> None:
    """An answer that a filter cut off is told as such, with what came before."""
    reading = room.says("filter")
    must(reading.stop in ("refusal", "filter"), f"the answer ended by {reading.stop_word}")
    must(plain_text(room.nonce) in (reading.text, reading.refusal), f"the text is {reading.text!r:.100}")
