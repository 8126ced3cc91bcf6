"""What the models behind OpenAI's two APIs take: the table, and which row a name stands in.

Protocol facts: openai 3.54 (types/chat/completion_create_params.py, types/shared/reasoning_effort.py, chat_model.py);
the vendors' own pages for what their models refuse. A mistake here costs one refused try: the correction is remembered.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from engine.dialects.codec import Family
from engine.dialects.pattern import matches

if TYPE_CHECKING:
    from engine.chat import Effort


STRICTEST_IDS = "[a-zA-Z0-9]{9}"
"""The ids of tool calls that any server takes: Mistral takes no others."""


class Model(Family, frozen=True, kw_only=True):
    """A family of models. The defaults are what every server takes."""

    max_field: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    max_output: int | None = None
    """The most tokens an answer may have, where that is known."""
    sampling: Literal["yes", "unreasoned", "no"] = "yes"
    """Whether temperature and top_p are taken: always, only with effort none, never."""
    top_k: bool = False
    efforts: tuple[Effort, ...] = ()
    """The words that reasoning_effort may have, in rising order; none: the parameter is not taken."""
    effort_with_tools: bool = True
    """Whether an effort but none is taken beside tools."""
    stop: int = 4
    """How many stop sequences are taken."""
    system: Literal["system", "developer"] = "system"
    """The role of instructions."""
    system_anywhere: bool = False
    """Instructions may stand behind the first turn too."""
    user_after_tool: bool = True
    """A user message may follow a tool message."""
    parts: bool = False
    """Texts may come as a list of parts wherever they may come as one text."""
    vision: bool = True
    files: bool = False
    structured: Literal["json_schema", "json_object", ""] = ""
    """The strictest response_format."""
    told: bool = False
    """The model is told in words too what form the answer must have: some of its servers ignore response_format."""
    strict: bool = False
    """Tools may be held to their schema."""
    parallel: bool = False
    """parallel_tool_calls is taken."""
    include_usage: bool = True
    tier: bool = False
    safety_identifier: bool = False
    prompt_cache_key: bool = False
    cache_breakpoints: bool = False
    reasoning_back: Literal["reasoning_content", ""] = ""
    """The field in which the model wants its own reasoning back while a tool loop lasts."""
    call_ids: str = "[a-zA-Z0-9_-]{1,40}"
    """What the ids of tool calls must look like in chat completions, as a regular expression."""
    customs: bool = False
    """Tools may take free text."""
    verbosity: bool = False
    own: bool = False
    """They are OpenAI's, whose APIs take all that is in their types, and keep files."""


NEWEST = Model(
    name="gpt-6",
    models=("gpt-6*", "gpt-7*", "gpt-8*", "gpt-9*"),
    max_field="max_completion_tokens",
    sampling="unreasoned",
    efforts=("none", "low", "medium", "high", "xhigh", "max"),
    effort_with_tools=False,
    stop=0,
    system="developer",
    system_anywhere=True,
    parts=True,
    files=True,
    structured="json_schema",
    strict=True,
    parallel=True,
    tier=True,
    safety_identifier=True,
    prompt_cache_key=True,
    cache_breakpoints=True,
    customs=True,
    verbosity=True,
    own=True,
)
GPT_5_4 = replace(
    NEWEST,
    name="gpt-5.4",
    models=("gpt-5.4*", "gpt-5.5*"),
    efforts=("none", "low", "medium", "high", "xhigh"),
    cache_breakpoints=False,
    max_output=128_000,
)
GPT_5_2 = replace(GPT_5_4, name="gpt-5.2", models=("gpt-5.2*", "gpt-5.3*"), effort_with_tools=True)
GPT_5 = replace(
    GPT_5_2, name="gpt-5", models=("gpt-5", "gpt-5-*"), efforts=("minimal", "low", "medium", "high"), sampling="no"
)
O_SERIES = replace(
    GPT_5,
    name="o-series",
    models=("o1*", "o3*", "o4*", "codex-mini*"),
    efforts=("low", "medium", "high"),
    parallel=False,
    max_output=100_000,
    customs=False,
    verbosity=False,
)
GPT_4O = replace(
    GPT_5,
    name="gpt-4o",
    models=("gpt-4o*", "chatgpt-4o*", "gpt-audio*"),
    sampling="yes",
    efforts=(),
    stop=4,
    system="system",
    max_output=16_384,
    customs=False,
    verbosity=False,
)
GPT_4_TURBO = replace(
    GPT_4O,
    name="gpt-4-turbo",
    models=("gpt-4-turbo*", "gpt-4-1106*", "gpt-4-0125*", "gpt-4-vision*"),
    files=False,
    strict=False,
    structured="json_object",
    max_output=4_096,
)

COMPATIBLE = Model(name="compatible", structured="json_schema", told=True)
"""Any other server: only what all of them take, and a schema, which most do."""

OPEN = replace(
    COMPATIBLE,
    name="open-weights",
    models=(
        "llama-4*",
        "llama4*",
        "*vision*",
        "*-vl*",
        "*vl:*",
        "gemma-3*",
        "gemma3*",
        "gemma-4*",
        "llava*",
        "minicpm*",
    ),
    top_k=True,
)
"""Models that people serve themselves: vLLM, llama.cpp and Ollama take top_k."""

FAMILIES: tuple[Model, ...] = (
    replace(OPEN, name="gpt-oss", models=("gpt-oss*",), efforts=("low", "medium", "high"), vision=False),
    replace(
        NEWEST,
        name="gpt-6-thinking",
        models=("gpt-6*-astra*", "gpt-6.1-sol*", "gpt-6.2-sol*"),
        efforts=("low", "medium", "high", "xhigh", "max"),
        sampling="no",
    ),
    NEWEST,
    replace(GPT_4O, name="gpt-5-chat", models=("gpt-5-chat*",)),
    replace(
        GPT_5, name="gpt-5.x-chat", models=("gpt-5.*-chat*",), efforts=("medium",), sampling="no", max_output=16_384
    ),
    replace(GPT_5, name="gpt-5-pro", models=("gpt-5-pro*",), efforts=("high",), max_output=272_000),
    replace(GPT_5_2, name="gpt-5.x-pro", models=("gpt-5.*-pro*",), efforts=("medium", "high", "xhigh"), sampling="no"),
    replace(GPT_5, name="gpt-5-codex", models=("gpt-5-codex*",), efforts=("low", "medium", "high")),
    GPT_5,
    replace(GPT_5_2, name="gpt-5.1", models=("gpt-5.1*",), efforts=("none", "low", "medium", "high")),
    GPT_5_2,
    GPT_5_4,
    replace(NEWEST, name="gpt-5.6", models=("gpt-5.*",), max_output=128_000),
    replace(O_SERIES, name="o3-mini", models=("o3-mini*", "o1-mini*"), vision=False, files=False),
    O_SERIES,
    replace(GPT_4O, name="gpt-4.1", models=("gpt-4.1*",), max_output=32_768),
    GPT_4O,
    GPT_4_TURBO,
    replace(
        GPT_4_TURBO,
        name="gpt-4",
        models=("gpt-4", "gpt-4-*"),
        vision=False,
        structured="",
        parallel=False,
        max_output=8_192,
    ),
    replace(GPT_4_TURBO, name="gpt-3.5", models=("gpt-3.5*",), vision=False),
    replace(
        COMPATIBLE,
        name="deepseek-chat",
        models=("deepseek-chat*",),
        max_output=8_192,
        vision=False,
        structured="json_object",
        reasoning_back="reasoning_content",
    ),
    replace(
        COMPATIBLE,
        name="deepseek",
        models=("deepseek*",),
        vision=False,
        structured="json_object",
        reasoning_back="reasoning_content",
    ),
    replace(
        COMPATIBLE,
        name="kimi",
        models=("kimi*", "moonshot*"),
        structured="json_object",
        reasoning_back="reasoning_content",
    ),
    replace(COMPATIBLE, name="glm-vision", models=("glm-*v*",), reasoning_back="reasoning_content"),
    replace(
        COMPATIBLE,
        name="glm",
        models=("glm*",),
        stop=1,
        vision=False,
        structured="json_object",
        reasoning_back="reasoning_content",
    ),
    replace(
        COMPATIBLE,
        name="mistral",
        models=("mistral*", "ministral*", "magistral*", "codestral*", "devstral*", "pixtral*", "open-mi*"),
        user_after_tool=False,
        structured="json_schema",
        strict=True,
        parallel=True,
        include_usage=False,
        call_ids=STRICTEST_IDS,
    ),
    replace(
        COMPATIBLE,
        name="gemini-flash",
        models=("gemini-2.5-flash*",),
        efforts=("none", "low", "medium", "high"),
        structured="json_schema",
    ),
    replace(
        COMPATIBLE,
        name="gemini",
        models=("gemini*",),
        efforts=("low", "medium", "high"),
        structured="json_schema",
    ),
    replace(COMPATIBLE, name="grok", models=("grok*",), structured="json_schema", parallel=True, system_anywhere=True),
    OPEN,
    replace(
        OPEN,
        name="open-weights-text",
        models=("llama*", "codellama*", "meta-llama*", "gemma*", "codegemma*", "phi*", "mixtral*", "qwen2*", "qwen3-*"),
        vision=False,
    ),
    replace(OPEN, name="qwen", models=("qwen*", "qwq*")),
)
"""The first row that matches counts."""

LONGEST = 200
"""Characters of a name that are looked at: through a pattern clients can send any name."""

HOME = "api.openai.com"
"""Where a name that is in no row counts as OpenAI's newest family; anywhere else it is COMPATIBLE."""


def family(model: str, host: str) -> Model:
    """Return the family of `model` at an upstream whose base URL has the host name `host`.

    What stands before the last slash (openai/gpt-5.5, deepseek-ai/DeepSeek-V3.1) and the ft: of a fine-tuned model say
    who serves it, not what it is.
    """
    return _family(model[-LONGEST:], host)


@lru_cache(1024)
def _family(model: str, host: str) -> Model:
    name = model.rpartition("/")[2].removeprefix("ft:")
    for one in FAMILIES:
        if any(matches(pattern, name) for pattern in one.models):
            return one
    return NEWEST if host == HOME or host.endswith(f".{HOME}") else COMPATIBLE
