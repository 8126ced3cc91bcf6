"""What users of other gateways met, one test each: the number of a test is that of the thing that went wrong there.

Every test goes through the front door: a real Turnout process, a real client socket, a scripted upstream on another.
"""
