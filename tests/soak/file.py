"""The proxy.yaml of a soak, and edits of it: good ones that change what is done, and bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.apis import digest

if TYPE_CHECKING:
    from random import Random

KEYS = ("tk-soak-ada-0123456789abcdef", "tk-soak-eve-0123456789abcdef")
CLIENTS_WORDS = ("chat", "messages", "responses")
"""The last word of a model: the API in which its first target is asked."""
FILE = """\
version: 1
server: {{max_concurrency: 24, queue: 12, queue_timeout: 300ms}}
state: {{responses: {{entries: 200, size: 2MB}}}}
observe: {{metrics: true, journal: {{path: soak.db}}, log: {{format: json}}}}
upstreams:
  chat: {{kind: openai, base_url: "{url}", apis: [chat, embeddings], api_key: env:TEST_OPENAI_KEY, {waits}}}
  responses: {{kind: openai, base_url: "{url}", apis: [responses], api_key: env:TEST_OPENAI_KEY, {waits}}}
  messages: {{kind: anthropic, base_url: "{url}", api_key: env:TEST_ANTHROPIC_KEY, {waits}}}
  echo: {{kind: echo}}
  spare-{edit}: {{kind: openai, base_url: "{url}", headers: {{x-edit: "{edit}"}}}}
defaults: {{model: {{retries: 1, hold: {hold}}}}}
models:
  to-chat: {{targets: [chat/gpt-5.5], fallback: [messages/claude-sonnet-5], on_break: continue}}
  to-responses: {{targets: [responses/gpt-5.5], fallback: [chat/gpt-5.5], on_break: continue}}
  to-messages: {{targets: [messages/claude-sonnet-5], fallback: [responses/gpt-5.5]}}
  to-nobody: {{targets: [chat/gpt-5.5], retries: 0}}
  to-echo: echo/gpt-5.5
  embed: chat/text-embedding-3-small
  unused-{edit}: spare-{edit}/gpt-{edit}
routes:
  - {{name: files, when: {{path: "/v1/files/**"}}, pass: chat}}
  - {{name: denied, when: {{model: to-nowhere}}, deny: {{status: 403}}}}
limits:
  width: {{concurrency: {width}, by: [key]}}
  burst: {{requests: "{burst} per 10s", by: [key]}}
  words: {{tokens: 1000000 per 10s, by: [all]}}
  money: {{budget: 500 USD per day, by: [key]}}
prices:
  "*": {{input: 1, output: 4}}
keys:
  anonymous: {{routes: [files, denied], limits: [burst]}}
  ada: {{hashes: ["{ada}"], limits: [width, burst, words, money]}}
  eve: {{hashes: ["{eve}"], limits: [width, words]}}
"""
WAITS = "timeouts: {first_byte: 1s, idle: 1s, total: 4s}, circuit: {failures: 4, cooldown: 200ms, longest: 1s}"


def written(url: str, edit: int = 0, *, width: int = 8, burst: int = 800, hold: str = "500ms") -> str:
    return FILE.format(
        url=url, edit=edit, waits=WAITS, width=width, burst=burst, hold=hold, ada=digest(KEYS[0]), eve=digest(KEYS[1])
    )


def edited(url: str, edit: int, random: Random) -> tuple[str, bool]:
    """Return another file, and whether it is good. No name that requests ask for ever goes: its metrics would."""
    text = written(
        url,
        edit,
        width=random.choice((4, 8, 16)),
        burst=random.choice((200, 800, 2000)),
        hold=random.choice(("300ms", "500ms", "2s")),
    )
    spoilt = (text + "oops: 1\n", text[: len(text) // 2], text.replace("chat/gpt-5.5]", "nowhere/gpt-5.5]", 1))
    return (text, True) if random.random() < 0.7 else (random.choice(spoilt), False)
