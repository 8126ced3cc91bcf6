"""Several processes behind a real nginx, with one Valkey between them."""
