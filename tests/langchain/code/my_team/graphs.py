"""Graphs of an operator's own. The model in them is asked at TEAM_MODEL_URL."""

from __future__ import annotations

import os
from typing import Any, TypedDict

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    return f"sunny in {city}"


model = ChatOpenAI(model="gpt-5.5", base_url=os.environ["TEAM_MODEL_URL"], api_key="any", stream_usage=True)
quiet = model.with_config({"tags": ["nostream"]})
armed = model.bind_tools([weather])


async def judge(state: MessagesState) -> dict[str, Any]:
    """Ask a model what nobody is to hear."""
    await quiet.ainvoke([("human", "Is this about the sky?")])
    return {}


async def ask(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await armed.ainvoke(state["messages"])]}


async def greet(state: MessagesState) -> dict[str, Any]:
    """Say something that comes of no model."""
    return {"messages": [AIMessage(f"Good day. You said {len(state['messages'])} things.")]}


async def recite(state: MessagesState) -> dict[str, Any]:
    """Return the whole conversation, and two messages more."""
    return {"messages": [*state["messages"], AIMessage("First."), AIMessage("Second.")]}


def looping() -> StateGraph[MessagesState]:
    builder = StateGraph(MessagesState)
    builder.add_node("judge", judge)
    builder.add_node("agent", ask)
    builder.add_node("tools", ToolNode([weather]))
    builder.add_edge(START, "judge")
    builder.add_edge("judge", "agent")
    builder.add_conditional_edges("agent", tools_condition)
    builder.add_edge("tools", "agent")
    return builder


def alone(node: Any) -> StateGraph[MessagesState]:
    builder = StateGraph(MessagesState)
    builder.add_node("only", node)
    builder.add_edge(START, "only")
    return builder


class Count(TypedDict):
    number: int


async def inquire(state: MessagesState) -> dict[str, Any]:
    """Ask somebody before going on."""
    return {"messages": [AIMessage(f"You allowed {interrupt('May I?')}.")]}


inquirer = alone(inquire).compile(checkpointer=InMemorySaver())
support = looping().compile(checkpointer=InMemorySaver())
unfinished = looping()
caller = alone(ask).compile()
greeter = alone(greet).compile()
reciter = alone(recite).compile()
silent = StateGraph(Count).add_node("only", lambda state: state).add_edge(START, "only").compile()
