"""Composition: what the host brings, the policy, and what all bound copies of a core share."""
