"""The command ``usercore``, also ``python -m usercore``; one module for each of its nouns."""
