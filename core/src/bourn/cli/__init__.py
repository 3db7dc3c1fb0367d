"""The command line: ``bourn``."""

from bourn.cli.commands import main

__all__ = ["main"]
