"""Deliveries: one per change and subscriber, stored in the transaction of the change."""
