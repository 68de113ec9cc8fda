"""Throttling: counters of failed sign-ins, rate limits, and the waits that follow from them."""
