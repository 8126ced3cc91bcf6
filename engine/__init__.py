"""Turnout: a declarative reverse proxy for language-model APIs."""

__version__ = "0.1.0"
