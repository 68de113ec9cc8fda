"""Composition: the host's settings and code, the policy, and the runtime that all bound copies of a core share."""
