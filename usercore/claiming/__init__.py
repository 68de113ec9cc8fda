"""Claiming: what an unclaimed user has becomes the user's who claims it."""
