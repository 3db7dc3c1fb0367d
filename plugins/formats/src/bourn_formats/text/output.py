"""Where JSON text is written, and how what is no number is dealt with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn_formats.plain.output import FLUSHED, Output

if TYPE_CHECKING:
    from bourn.plugin import Sink

__all__ = ["TextOutput"]


class TextOutput(Output):
    """Text on its way to a sink.

    Attributes
    ----------
    strict : bool
        Whether NaN and infinities are refused instead of becoming null.
    """

    def __init__(self, sink: Sink, *, strict: bool) -> None:
        super().__init__(sink)
        self.strict = strict

    def put_inner(self, text: bytes) -> None:
        """Write a list's text without its brackets; not copied if it is long."""
        if len(text) < FLUSHED:
            self.put(text[1:-1])
        else:
            self.pass_on(memoryview(text)[1:-1])
