"""The live LangChain upstream. Importing a module of this folder imports langchain_core."""
