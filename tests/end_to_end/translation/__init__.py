"""Translation at the front door: a client of one API, a scripted upstream of the other, a real Turnout between them."""
