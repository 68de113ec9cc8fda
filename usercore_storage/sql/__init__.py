"""Tables, statements and repositories, written once for every SQL engine, with ``?`` for values."""
