"""The codec of Anthropic's messages."""
