"""Groups: named sets of users, by criteria of the host."""
