"""Kind `langchain`: a chat model, a runnable, a graph or embeddings of LangChain's, inside Turnout.

Knows which code the file names, and imports none of it: the driver does that (`drivers/langchain/load.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.chat import Language
from engine.diagnostics import Flaw
from engine.upstreams.base import Circuit, Options, Setting, Wait

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.secret import Secret
    from engine.upstreams.base import Driver

PROVIDERS: dict[str, str] = {
    "anthropic": "langchain_anthropic:ChatAnthropic",
    "azure_ai": "langchain_azure_ai.chat_models:AzureAIChatCompletionsModel",
    "azure_openai": "langchain_openai:AzureChatOpenAI",
    "bedrock": "langchain_aws:ChatBedrock",
    "bedrock_converse": "langchain_aws:ChatBedrockConverse",
    "cohere": "langchain_cohere:ChatCohere",
    "deepseek": "langchain_deepseek:ChatDeepSeek",
    "fireworks": "langchain_fireworks:ChatFireworks",
    "google_genai": "langchain_google_genai:ChatGoogleGenerativeAI",
    "google_vertexai": "langchain_google_vertexai:ChatVertexAI",
    "groq": "langchain_groq:ChatGroq",
    "ibm": "langchain_ibm:ChatWatsonx",
    "mistralai": "langchain_mistralai:ChatMistralAI",
    "nvidia": "langchain_nvidia_ai_endpoints:ChatNVIDIA",
    "ollama": "langchain_ollama:ChatOllama",
    "openai": "langchain_openai:ChatOpenAI",
    "perplexity": "langchain_perplexity:ChatPerplexity",
    "together": "langchain_together:ChatTogether",
    "upstage": "langchain_upstage:ChatUpstage",
    "xai": "langchain_xai:ChatXAI",
}
"""The providers of LangChain's `init_chat_model`, by its names -> the class that it makes (docs.langchain.com,
reference of `init_chat_model`). A table, so that what a file may import is known without an import."""

CODE = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*|\.[A-Za-z_]\w*)\Z"
"""pkg.module:name, or pkg.module.name."""

Code = Annotated[str, Meta(pattern=CODE)]


def provider_flaw(name: str) -> Flaw | None:
    """Return why `name` is no provider."""
    if name in PROVIDERS:
        return None
    return Flaw("is no provider that is known here", f"name its class in `object`, or one of {', '.join(PROVIDERS)}")


KEYS = ("object", "provider", "embeddings")
"""The options that name code: each upstream has one of them."""


class Patience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long an answer of a LangChain upstream may take."""

    first: Annotated[Wait, Meta(description="Until a stream begins, or a whole answer is there")] = "10m"
    idle: Annotated[Wait, Meta(description="Longest silence between two pieces of a stream")] = "2m"
    total: Annotated[Wait, Meta(description="The whole request, all tries included")] = "20m"


class LangChain(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="langchain"):
    """A chat model, a runnable, a graph or embeddings of LangChain's, that runs inside Turnout."""

    object: Annotated[
        Code | None,
        Meta(
            description="pkg.module:name of a chat model class (made with `options`), or of a model, runnable or "
            "compiled LangGraph graph; `server.allow_code` must allow the module"
        ),
    ] = None
    provider: Annotated[
        Annotated[str, Meta(extra={"flaw": provider_flaw})] | None,
        Meta(description="Instead of `object`: a provider as `init_chat_model` calls it, such as openai or anthropic"),
    ] = None
    embeddings: Annotated[
        Code | None,
        Meta(
            description="Instead of `object`: pkg.module:name of an Embeddings class (made with `options`) or of "
            "embeddings; answers the embeddings API"
        ),
    ] = None
    options: Annotated[
        dict[str, Setting],
        Meta(
            description="What the class is made with; `env:NAME` and `file:/path` anywhere in it are references to "
            "secrets. Where it names no model, the model is that of the target"
        ),
    ] = {}
    timeouts: Annotated[Patience, Meta(description="How long an answer may take")] = Patience()
    circuit: Annotated[
        Circuit | Literal["off"],
        Meta(description="When a target (this upstream and one model) is left alone. off: it is always asked"),
    ] = Circuit()

    @property
    def speaks(self) -> tuple[Language, ...]:
        return ("neutral",) if self.embeddings is None else ("embeddings",)

    @property
    def runs(self) -> str:
        return ":".join(self.code)

    @property
    def package(self) -> str:
        return "langchain_core"

    @property
    def imports(self) -> tuple[str, ...]:
        return (next(key for key in KEYS if getattr(self, key) is not None),)

    @property
    def code(self) -> tuple[str, str]:
        """The module that is imported, and the name in it."""
        path = self.object or self.embeddings or PROVIDERS[self.provider or ""]
        module, _, name = path.partition(":") if ":" in path else path.rpartition(".")
        return module, name

    def filled(self, secrets: Mapping[str, Secret]) -> LangChain:
        return msgspec.structs.replace(self, options=_filled(self.options, secrets))

    def load(self, name: str, models: Sequence[str]) -> Driver:
        """Import the code, and make the live driver. Raises `Unbuildable`, `ImportError`."""
        from engine.upstreams.drivers.langchain.driver import LangChainDriver

        return LangChainDriver(name, self, models)


def _filled(value: Any, secrets: Mapping[str, Secret]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, secrets) for inner in value]
    return secrets.get(value, value) if isinstance(value, str) else value
