"""What the contracts of several destinations share, and the mail server of tests."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "plugins" / "email")]
