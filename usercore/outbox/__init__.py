"""Deliveries: what subscribers are still to be told, kept in the transaction of the change they are told of."""
