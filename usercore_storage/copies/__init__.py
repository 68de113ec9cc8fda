"""Copy a store that is in use into an empty one, of the same or another engine."""
