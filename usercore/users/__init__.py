"""Users: their fields, unique identifiers and states."""
