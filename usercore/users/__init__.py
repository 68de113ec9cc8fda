"""Users: who they are, the identifiers that are theirs alone, and the state they are in."""
