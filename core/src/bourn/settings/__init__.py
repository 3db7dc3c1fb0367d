"""The settings of an installation: where they are read from, which files are trusted, and their checked form."""

from bourn.settings.model import Settings

__all__ = ["Settings"]
