"""The Responses API between its wire form and `engine.chat`."""
