"""OpenAI itself and every server that speaks its API: a bearer token, the bytes as they are."""

from __future__ import annotations

from engine.upstreams.drivers.remote import RemoteDriver


class OpenAIDriver(RemoteDriver):
    """A live upstream of kind `openai`."""

    @classmethod
    def credential(cls, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"}
