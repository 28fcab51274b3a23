"""Lets `python -m skycrane` be the command line."""

import sys

from skycrane.cli import main

sys.exit(main())
