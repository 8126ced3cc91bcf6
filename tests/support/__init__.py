"""What the tests share: a scripted upstream, the real server as a process, a raw HTTP client."""
