"""Files that ``bourn send`` reads: which reader takes a file, what of it is selected, and how much it may unpack to."""

from bourn.cli.input.read import Selection, read_input

__all__ = ["Selection", "read_input"]
