"""A soak: minutes of mixed traffic against a real `turnout serve`, with faults, edits and clients that leave.

    python -m tests.soak --minutes 10

Most of it is over HTTP; 200 WebSockets are there and ask nothing, and 50 ask several things at once, of every API that
is spoken on them but /v1/realtime. It asks whether memory reaches a plateau, whether anything is left at the end
(tasks, sockets, leases, requests in flight), and whether every request and every message is accounted for: by the
clients, in the log, in the journal and in the metrics.
Left out: events of 33 MB, whose peaks would hide a leak, and events that are no JSON in the middle of a stream, which
pass where bytes pass.
"""
