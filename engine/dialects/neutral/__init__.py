"""The neutral vocabulary itself, for upstreams that are inside Turnout: nothing is lost on the way to them."""
