"""The codec of OpenAI's chat completions."""
