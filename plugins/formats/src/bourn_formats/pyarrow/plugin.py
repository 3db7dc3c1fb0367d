"""The format pyarrow: encoding to and decoding from an Arrow IPC stream."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, BinaryIO

from bourn.plugin import ANY, EncodeError, Example, Format, Note, Problem, ResultInfo, Sink

from bourn_formats.pyarrow.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["PyArrow"]


class PyArrow(Format[Options]):
    """The Python object itself, exactly, as an Arrow stream.

    What `compute` gives back is equal to what went in: types, dtypes, masks, tuples apart from lists, integers of any
    size. Nothing is pickled, and reading it runs no code. A table is one for every reader of Arrow.
    """

    media_type = "application/vnd.apache.arrow.stream"
    suffix = ".arrow"
    kinds = ANY
    decodes = True
    examples = (
        Example("An Arrow stream that gives the Python object back.", format="pyarrow"),
        Example("As small as can be.", format={"type": "pyarrow", "compression": "brotli"}),
    )

    def preflight(self, options: Options, info: ResultInfo) -> Iterable[Problem | Note]:  # of the interface
        """Objects whose classes are the user's: reading would have to import them."""
        for path, name, hint in info.user_classes:
            what = f"{path}: an object of type {name} can't be written as pyarrow"
            yield Problem("", f"{what}, which gives back the classes of known libraries only ({hint})")

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write `result` piece by piece; an array's own memory is what is compressed."""
        from bourn_formats.pyarrow.encoder import describe  # numpy: 0.2 s
        from bourn_formats.pyarrow.registry import in_arrow  # numpy: 0.2 s
        from bourn_formats.pyarrow.tables import as_stream, in_tree  # numpy: 0.2 s
        from bourn_formats.pyarrow.tokens import Encoded, step_of  # with what stands above
        from bourn_formats.pyarrow.writer import KEY, write_bytes, write_table  # pyarrow, numpy: 0.4 s

        report: Counter[str] = Counter()
        try:
            result = in_arrow(result, report)
            table = as_stream(result, report)
            if table is not None:
                tag, columns, facts = table
                described = describe(Encoded(tag, facts))
                if not list(described.blobs) and KEY not in (columns.schema.metadata or {}):
                    write_table(tag, columns, described.tokens[1:], options.compression, sink)
                    return dict(report + described.report)
                if facts:
                    result = Encoded(tag, in_tree(columns, facts))
        except ValueError as cause:
            msg = f"result{step_of(cause)}: {cause} can't be written as pyarrow"
            raise EncodeError(msg) from cause
        described = describe(result)
        write_bytes(described.tokens, described.blobs, options.compression, sink)
        return dict(report + described.report)

    def decode(self, source: BinaryIO, options: Options) -> Any:
        """The object again; the bytes say themselves how they are compressed."""
        from bourn_formats.pyarrow.reader import read  # pyarrow, numpy: 0.4 s

        return read(source)
