"""The journal: one row for each request, in a SQLite file, so that usage and budgets survive a restart."""
