"""Third-party plugins, importable from their own trees, and a real S3 service; tests/thirdparty installs them."""

import os
import sys
from pathlib import Path

from servers import backend
from servers.backend import s3
from servers.process import FOLDER

__all__ = ["s3"]

sys.path[:0] = [str(folder) for folder in sorted(Path(__file__).parent.glob("*/src"))]


def pytest_configure(config):
    """Servers are begun once, by these tests or by those of bourn."""
    if FOLDER not in os.environ:
        backend.begin(config)
        config.add_cleanup(lambda: backend.end(config) if FOLDER in os.environ else None)
