"""The server: links, the registry for people and machines, health, and what plugins add."""

from bourn.serve.app import application
from bourn.serve.server import run

__all__ = ["application", "run"]
