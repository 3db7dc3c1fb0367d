"""A stream of batches as CSV, written by pyarrow."""

from __future__ import annotations

import codecs
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pc
from bourn.plugin import EncodeError

from bourn_tables.csv.cells import Cells
from bourn_tables.rows import Rows, check_names
from bourn_tables.sink_file import SinkFile, translated_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.plugin import Sink

    from bourn_tables.csv.options import Options

__all__ = ["write"]

LINE_ENDS = {"crlf": "\r\n", "lf": "\n"}
ROWS_AT_ONCE = 8192
"""Rows that pyarrow converts together; more are faster up to here."""


def write(rows: Rows, options: Options, sink: Sink) -> dict[str, Any]:
    """Write all rows.

    Raises
    ------
    EncodeError
        Two columns have one name, or a cell can't be written.
    """
    check_names(rows.schema)
    cells = Cells(rows, options)
    file, written = SinkFile(sink, _transcoder(options.encoding)), 0
    style = pc.WriteOptions(
        include_header=options.header and len(cells.schema) > 0, delimiter=options.delimiter,
        batch_size=ROWS_AT_ONCE, eol=LINE_ENDS[options.line_end],
    )  # fmt: skip
    with translated_errors(file):
        writer = pc.CSVWriter(pa.PythonFile(file, mode="w"), cells.schema, write_options=style)
        try:
            for batch in rows.batches:
                writer.write_batch(cells.convert(batch))
                written += batch.num_rows
        except BaseException:
            with suppress(Exception):  # the file is discarded
                writer.close()
            raise
        writer.close()
    return {"rows": written, **cells.report(), **rows.report}


def _transcoder(encoding: str) -> Callable[[bytes], bytes] | None:
    """Return what makes UTF-8, in pieces, the wanted encoding."""
    if encoding == "utf-8":
        return None
    decoder, encoder = codecs.getincrementaldecoder("utf-8")(), codecs.getincrementalencoder(encoding)()

    def transcode(data: bytes) -> bytes:
        try:
            return encoder.encode(decoder.decode(data))
        except UnicodeEncodeError as error:
            character, around = error.object[error.start], error.object[max(0, error.start - 20) : error.end]
            msg = f"result: {encoding} has no character {character!r} (at the end of {around!r}); use utf-8"
            raise EncodeError(msg) from error

    return transcode
