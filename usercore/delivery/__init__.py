"""Delivery: the dispatcher and the relay that hand outbox rows to their subscribers."""
