from __future__ import annotations

import sys
from pathlib import Path

# The near functions are guests of no package: workers start them by path, and so do these tests.
sys.path.insert(0, str(Path(__file__).parents[2] / "sandboxes"))
