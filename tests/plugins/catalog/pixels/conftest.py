"""Helpers of these tests are no tests."""

import sys
from pathlib import Path

collect_ignore = ["reference.py"]

sys.path.insert(0, str(Path(__file__).parent))
