"""The kinds of upstream. Adding one: its file, and its line here."""

from __future__ import annotations

from engine.upstreams.anthropic import Anthropic
from engine.upstreams.claude_code import ClaudeCode
from engine.upstreams.echo import Echo
from engine.upstreams.langchain import LangChain
from engine.upstreams.openai import OpenAI

KINDS = (OpenAI, Anthropic, LangChain, ClaudeCode, Echo)
