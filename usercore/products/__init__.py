"""Products: which users may use what the host sells."""
