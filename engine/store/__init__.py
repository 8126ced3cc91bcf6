"""Where counters, leases and ledgers live: in this process, or in a Redis or Valkey that several share."""
