"""Benchmarks: usercore against tuned ``sqlite3`` and against Django, as ratios formed inside one run."""
