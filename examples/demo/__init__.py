"""A demonstration of usercore with the sample data of the three documents: ``python -m examples.demo``.

Prints each step and each refusal with its reason, and fails when an outcome differs from ``examples/demo.expected``.
The store that it creates, ``examples/demo.db``, can be opened with ordinary SQLite tools. ``plenigo.py``, ``remp.py``
and ``izenda.py`` play one document each; ``accounts.py`` shows what has no counterpart there.
"""
