"""The stranger's plugin, importable from its own tree: it is not installed here (tests/thirdparty does that)."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "thirdparty" / "webhook" / "src")]
