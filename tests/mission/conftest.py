"""What the tests of this room share: its folder, for their builders."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
