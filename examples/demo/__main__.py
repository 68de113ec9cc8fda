"""Run the demonstration from the command line."""

import sys

from examples.demo.runner import main

sys.exit(main())
