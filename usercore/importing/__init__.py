"""Importing users: records become candidates, candidates batches, a batch a plan, and a plan what one unit keeps."""
