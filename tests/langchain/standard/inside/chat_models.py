"""The suites: collected only where they are named on pytest's command line."""

from __future__ import annotations

import os

from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

URL = os.environ["TURNOUT_URL"]


class TestChatOpenAI(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, object]:
        return {"model": "gpt-5.5", "base_url": f"{URL}/v1", "api_key": "any", "stream_usage": True}

    supports_json_mode = True
    supports_image_inputs = True
    supports_image_urls = True
    supports_anthropic_inputs = True
    supports_image_tool_message = True
    supports_pdf_inputs = True
    supports_model_override = True
    model_override_value = "gpt-5.5-mini"


class TestChatAnthropic(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatAnthropic

    @property
    def chat_model_params(self) -> dict[str, object]:
        return {"model": "claude-sonnet-5", "base_url": URL, "api_key": "any"}

    supports_image_inputs = True
    supports_image_urls = True
    supports_anthropic_inputs = True
    supports_image_tool_message = True
    supports_pdf_inputs = True
    supports_pdf_tool_message = True
    supports_model_override = True
    model_override_value = "claude-haiku-4-5"
