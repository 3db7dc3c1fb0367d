"""The stranger's plugin, importable from its own tree (tests/thirdparty installs it), and the mail server of tests."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "thirdparty" / "webhook" / "src"), str(HERE.parent / "plugins" / "email")]
