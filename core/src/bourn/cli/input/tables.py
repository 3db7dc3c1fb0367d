"""Tables in files: CSV, Parquet, Arrow, and GeoParquet with its geometry."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bourn.cli.input.bounds import LARGEST_BYTES, check_expansion, reading, unreadable
from bourn.wording import listed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_csv", "read_feather", "read_parquet"]

_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}

# The text is the value where a number would not give it again: a telephone number, a postal code, hexadecimal digits, a
# commit of digits and an e (programs that write numbers give the exponent a sign), an id of 17 digits, a decimal
# number of more significant digits than float64 has.
_NUMBER_THAT_IS_TEXT = r"^\s*(?:\+|-?0[0-9xX]|-?[0-9]+[eE][0-9]+$|-?[0-9]{17,}$|-?0*\.?0*[1-9](?:\.?[0-9]){17,}$)"

_BATCH_ROWS = 8192


def read_csv(path: str, *, select: Mapping[str, str], limit: int = LARGEST_BYTES) -> Any:  # noqa: ARG001
    """Return the table of a CSV file with a line of names.

    A column is of numbers or times where all its values are, and no number would lose digits.

    Parameters
    ----------
    path : str
    select : mapping
        ``separator`` (a character, or comma, semicolon, tab, pipe, space) and ``encoding``; by default the separator is
        the one of the line of names, and the encoding UTF-8, or UTF-16 with its mark.
    """
    with reading(path, "CSV file", "pyarrow"):
        import pyarrow as pa  # where it is needed
        from pyarrow import csv as arrow_csv

        data = _as_utf8(path, select.get("encoding"))
        separator = _separator(path, data, select.get("separator"))
        # One block: types are those of all rows, and a row may be as long as it likes.
        options: dict[str, Any] = {
            "read_options": arrow_csv.ReadOptions(block_size=min(len(data) + 1, 2**31 - 1)),
            "parse_options": arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        }

        def read(**conversion: Any) -> Any:
            convert = arrow_csv.ConvertOptions(**conversion)
            return arrow_csv.read_csv(pa.BufferReader(data), convert_options=convert, **options)

        return _with_texts(read)


def _with_texts(read: Any) -> Any:
    """Return the table with those columns as texts whose numbers would not give their texts again."""
    import pyarrow as pa
    from pyarrow import compute

    table = read()
    names = table.schema.names
    numbers = [
        name
        for name, kind in zip(names, table.schema.types, strict=True)
        if names.count(name) == 1 and (pa.types.is_integer(kind) or pa.types.is_floating(kind))
    ]
    if not numbers:
        return table
    texts = read(include_columns=numbers, column_types=dict.fromkeys(numbers, pa.string()))
    for name, column in zip(numbers, texts.columns, strict=True):
        if compute.any(compute.match_substring_regex(column, _NUMBER_THAT_IS_TEXT)).as_py():
            table = table.set_column(names.index(name), name, column)
    return table


def _as_utf8(path: str, encoding: str | None) -> bytes:
    data = Path(path).read_bytes()
    if encoding is None:
        if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            try:
                data.decode("utf-8")
            except UnicodeDecodeError as error:
                msg = (
                    f"{shown(path)} is not UTF-8: {error.reason} at byte {error.start:,}. "
                    "Say what it is: --select encoding=cp1252"
                )
                raise unreadable(msg) from error
            return data
        encoding = "utf-16"
    try:
        return data.decode(encoding).encode()
    except LookupError as error:
        raise unreadable(f"encoding: there is no {shown(encoding)}; such as utf-8, cp1252, latin-1, utf-16") from error
    except UnicodeError as error:
        raise unreadable(f"{shown(path)} is not {encoding}: {error}") from error


def _separator(path: str, data: bytes, given: str | None) -> str:
    if given is not None:
        separator = _SEPARATORS.get(given.lower(), given)
        if len(separator) != 1 or not separator.isascii():
            msg = f"separator: expected one character or {listed(_SEPARATORS)}, got {shown(given)}"
            raise unreadable(msg)
        return separator
    if Path(path).suffix.lower() == ".tsv":
        return "\t"
    # The first record of names says it: the separator that gives the most of them.
    head = io.StringIO(data[:65_536].decode("utf-8-sig", "replace"), newline="")
    counts = {}
    for separator in (",", ";", "\t", "|"):
        head.seek(0)
        counts[separator] = len(next(iter(csv.reader(head, delimiter=separator)), []))
    return max(counts, key=lambda each: counts[each])


def read_parquet(path: str, *, select: Mapping[str, str], limit: int = LARGEST_BYTES) -> Any:  # noqa: ARG001
    """Return the table of a Parquet file; of a GeoParquet file a GeoDataFrame with its geometry."""
    with reading(path, "parquet file", "pyarrow"):
        from pyarrow import parquet  # where it is needed

        with parquet.ParquetFile(path, memory_map=True) as file:
            promised = sum(
                file.metadata.row_group(each).total_byte_size for each in range(file.metadata.num_row_groups)
            )
            check_expansion(path, max(promised, file.metadata.num_rows * file.metadata.num_columns), limit)
            if b"geo" not in (file.schema_arrow.metadata or {}):
                return _gathered(path, file.iter_batches(_BATCH_ROWS), file.schema_arrow, limit)
    with reading(path, "GeoParquet file", "geopandas"):
        import geopandas

        return geopandas.read_parquet(path)


def read_feather(path: str, *, select: Mapping[str, str], limit: int = LARGEST_BYTES) -> Any:  # noqa: ARG001
    """Return the table of an Arrow file (feather is another name of it) or of an Arrow stream."""
    with reading(path, "Arrow file or stream", "pyarrow"):
        import pyarrow as pa  # where it is needed

        file = pa.memory_map(path)
        is_file = file.read(6) == b"ARROW1"
        file.seek(0)
        if not is_file:
            stream = pa.ipc.open_stream(file)
            return _gathered(path, stream, stream.schema, limit)
        reader = pa.ipc.open_file(file)
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        return _gathered(path, batches, reader.schema, limit)


def _gathered(path: str, batches: Any, schema: Any, limit: int) -> Any:
    """Return the table of batches, unless they become far more than the file."""
    import pyarrow as pa

    taken: list[Any] = []
    size = 0
    for batch in batches:
        batch.validate(full=True)  # offsets that lead out of their buffers must be found before they are followed
        size += batch.nbytes
        check_expansion(path, size, limit)
        taken.append(batch)
    return pa.Table.from_batches(taken, schema)
