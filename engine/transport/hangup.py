"""Whether a client has hung up, asked of the kernel where nothing is read from it.

A request waits in line with most of its body unread, so the end of its connection stands behind bytes that nobody
takes; Linux tells of it all the same (poll(2): POLLRDHUP). Elsewhere, and where so much is on its way that the end is
still with the client's kernel, it is found when the body is read.
"""

from __future__ import annotations

import select

EVERY = 0.25
"""Seconds between two looks."""
HANGUP = getattr(select, "POLLRDHUP", 0)


def hung_up(fd: int) -> bool:
    """Say whether the peer of the socket `fd` has closed its end, or reset the connection."""
    if not HANGUP or fd < 0:
        return False
    poll = select.poll()
    poll.register(fd, HANGUP)
    return any(event & (HANGUP | select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
