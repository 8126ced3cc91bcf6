"""What the two APIs of OpenAI that carry conversations have in common: their models, their schemas, their errors."""
