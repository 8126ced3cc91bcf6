"""A conformance suite for gateways between the three APIs: chat completions, Messages, Responses.

`python -m tests.conformance --url U --key K` holds any gateway against what the APIs' clients and vendors rely on. It
starts a scripted upstream that speaks all three, sends requests through the gateway, and looks at both ends. It knows
nothing of the gateway but its address and three model names, one for each API that leads to the upstream.
"""
