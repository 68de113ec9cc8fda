"""History: one row for each change, written in the change's own transaction. It is the event log, too."""
