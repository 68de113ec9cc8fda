"""History: one row per change, written in the transaction of the change. Events are made from it."""
