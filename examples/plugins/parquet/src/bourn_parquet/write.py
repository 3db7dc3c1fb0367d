"""Batches as a file of Parquet, written forward only."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from bourn.plugin import EncodeError

from bourn_parquet.geometry import metadata_of

if TYPE_CHECKING:
    from bourn.plugin import Sink

    from bourn_parquet.rows import Rows

__all__ = ["write"]


class _File:
    """A sink as pyarrow wants a file."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self._sink, self._at = sink, 0
        self.fault: BaseException | None = None

    def write(self, data: Any) -> int:
        try:
            size = self._sink.write(memoryview(data))
        except BaseException as error:
            self.fault = error
            raise
        self._at += size
        return size

    def tell(self) -> int:
        return self._at

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The sink is its owner's to close."""


def write(rows: Rows, compression: str, sink: Sink) -> dict[str, Any]:
    """Write all rows; what is said of the geometries stands at the end, when all were seen.

    Raises
    ------
    EncodeError
        A column is of a type that Parquet has not.
    """
    twice = [name for name, times in Counter(rows.schema.names).items() if times > 1]
    if twice:
        raise EncodeError(f"result: {len(twice)} column names occur more than once, such as {twice[0]!r}")
    file, written, groups = _File(sink), 0, 0
    try:
        writer = pq.ParquetWriter(pa.PythonFile(file, mode="w"), rows.schema, compression=compression)
        try:
            for batch in rows.batches:
                writer.write_batch(batch)
                written, groups = written + batch.num_rows, groups + 1
            if rows.geometries:
                writer.add_key_value_metadata({"geo": metadata_of(rows.geometries)})
        except BaseException:
            with suppress(Exception):  # its end would be written when it is collected; nobody keeps this file
                writer.close()
            raise
        writer.close()
    except pa.ArrowException as error:
        if file.fault is not None:
            raise file.fault from error
        raise EncodeError(f"result: {str(error).splitlines()[0]}") from error
    return {"rows": written, "groups": groups, **rows.report}
