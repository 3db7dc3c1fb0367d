"""The format json: a result as JSON text."""

from bourn_formats.json.plugin import JSON, Options

__all__ = ["JSON", "Options"]
