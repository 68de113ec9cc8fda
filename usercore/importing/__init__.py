"""Importing users: records become candidates, candidates batches, a batch a plan, and one unit stores a plan."""
