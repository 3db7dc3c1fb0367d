"""The format csv: a table or features as text, RFC 4180.

Texts are quoted, missing values are empty cells, an empty text is ``""``. Floats are written in the fewest digits that
give the same float again, NaN and infinities as ``nan``, ``inf`` and ``-inf``; bools as ``true`` and ``false``. All
cells of a table with one column are quoted, because readers skip empty lines. A pandas index becomes columns, unless it
is the default one.

CSV has no types. The values that a cell can hold only in another form are counted on the report, by column, under:

===========  ==========================================================================================
nested       a list or mapping became JSON
binary       bytes became hexadecimal digits
geometry     a geometry became WKT; ``crs`` on the report has the CRS of each column, which CSV can't hold
duration     a duration became a number of the unit that the report says, such as ``microseconds``
===========  ==========================================================================================

``metadata`` is there where an Arrow schema has metadata that were left out. Refused are two columns of one name, and
characters that the encoding does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.plugin import Example, Format, Note, Problem, ResultInfo, Sink

from bourn_tables.csv.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CSV"]

ROWS_PER_BATCH = 65_536


class CSV(Format[Options]):
    """A table or features as comma-separated values.

    Read by spreadsheets and by everything else. Values that CSV can't hold are written in another form, counted on the
    report by column.
    """

    media_type = "text/csv"
    suffix = ".csv"
    kinds = ("table", "features")
    lazy = True
    examples = (
        Example("A table as text.", format="csv"),
        Example(
            "For a spreadsheet in most of Europe.",
            format={"type": "csv", "delimiter": ";", "decimal": ",", "encoding": "utf-8-sig"},
        ),
    )

    def preflight(self, options: Options, info: ResultInfo) -> Iterable[Problem | Note]:
        """The delimiter must not be the decimal separator; geometries lose their CRS."""
        if options.decimal == options.delimiter:
            yield Problem("decimal", f"expected another character than the delimiter {options.delimiter!r}")
        if info.kinds[:1] == ("features",):
            yield Note("geometries are written as WKT, without their CRS; parquet keeps both")

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write the rows as they are read."""
        from bourn_tables.csv.writer import write  # pyarrow: 0.2 s
        from bourn_tables.rows import rows_of  # pyarrow: 0.2 s

        return write(rows_of(result, ROWS_PER_BATCH), options, sink)
