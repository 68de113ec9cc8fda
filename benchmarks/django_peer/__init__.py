"""Django with the token of its REST framework, as a peer: in process, on SQLite, set up as it advises."""
