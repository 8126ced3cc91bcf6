"""LangChain's standard tests for chat models (langchain-tests), with ChatOpenAI and ChatAnthropic at a live Turnout.

`.ci/langchain` puts langchain-openai, langchain-anthropic, langgraph and langchain-tests into a folder of their own
(`.langchain`), because langchain-tests brings plugins for pytest that are not ours. So the tests run in a process of
their own too: `inside/chat_models.py`, with `inside/excused.py` as the plugin that knows what may fail, and why.

Three ways: `echo` answers itself; `across`, a second Turnout is asked in the other vendor's API, so that everything is
translated there and back; `inside`, the same model of LangChain's runs within Turnout (`kind: langchain`) and asks a
second Turnout, so that everything goes through LangChain twice.
"""
