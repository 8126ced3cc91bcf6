"""What an entry, a route and the defaults may say of requests, in the same words."""

from __future__ import annotations

SET = (
    "Parameters forced to a value: `temperature: 0`, `thinking.type: disabled`. "
    "Paths are those of the upstream's API, and hold after any translation; "
    "what only conversations take is not forced on other endpoints"
)
UNSET = "Parameters taken out of requests, by their path in the upstream's API"
STRIP = "Request headers that are not passed on, and flags taken out of `anthropic-beta`; `*` is any run"
PROMPT = (
    "A template (Jinja) that becomes a part of the system prompt: its path, relative to the file that names it, as in "
    "templates/support.md.j2"
)
OUTPUT = (
    "A JSON Schema that answers must satisfy: its path, relative to the file that names it. They are held until they "
    "do, and asked for again where they do not"
)
MEMORY = (
    "What was said before in the session that the client names is put in front of what it says: for clients that send "
    "only their new turn. It belongs to the key; it needs the extra `langchain`"
)
TOOLS = (
    "Tools that Turnout offers the model beside those of the client, and runs itself: LangChain tools by their path, "
    "and servers of the Model Context Protocol; a list of them, or {use, max_rounds, timeout, result, announce}"
)
ON_BREAK = (
    "What becomes of a stream that breaks off behind content. error: one error in it. continue: while it is plain "
    "text, the next target is asked to go on from where it stopped, and the client sees one stream"
)
TRANSLATION = (
    "What becomes of what another API cannot say. lenient: it is left out, and told. "
    "strict: 400 rather than leave anything out. exact: 400 also rather than approximate"
)
