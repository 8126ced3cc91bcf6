"""The scripted upstream: what it hears, how it judges it, what it plays, and the three wire forms it says it in."""
