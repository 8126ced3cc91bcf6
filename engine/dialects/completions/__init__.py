"""The codec of OpenAI's legacy completions: clients ask in them, and nothing is translated into them."""
