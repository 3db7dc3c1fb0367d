"""The plugins of strangers, importable from their own trees; tests/thirdparty installs them."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in sorted(Path(__file__).parent.glob("*/src"))]
