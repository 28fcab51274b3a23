"""Puts the repository on the path: tests and benchmarks share the makers of noises."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
