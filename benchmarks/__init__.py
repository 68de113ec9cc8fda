"""Benchmarks: usercore against the tuned drivers and against Django, as ratios formed inside one run."""
