"""Runnables that are no models: chains, functions, a model with things around it."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from my_team.models import Parrot, Worker


def broken(_: Any) -> Any:
    raise ValueError("never mind")


def facts(messages: list[Any]) -> dict[str, Any]:
    return {"turns": len(messages), "last": messages[-1].text}


polly = Parrot(model="polly")
chain = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "Say {what}.")]) | polly
text_chain = chain | StrOutputParser()
conversation = ChatPromptTemplate.from_messages([("system", "Be brief."), ("placeholder", "{messages}")]) | Worker()
spare = RunnableLambda(broken).with_fallbacks([polly])
bound = Worker().with_config({"tags": ["team"]}).with_retry(stop_after_attempt=2)
function = RunnableLambda(facts)
asker = RunnableLambda(lambda messages, config: json.dumps(config["metadata"], sort_keys=True))
said = RunnableLambda(lambda messages: AIMessage(f"heard {len(messages)}"))
greedy = ChatPromptTemplate.from_messages([("human", "{one} and {another}")]) | polly
NOTHING = 7
