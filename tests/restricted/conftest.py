from __future__ import annotations

import sys
from pathlib import Path

SANDBOXES = Path(__file__).resolve().parents[2] / "sandboxes"
sys.path.insert(0, str(SANDBOXES))
