"""CSV: its bytes are read by pandas, polars, DuckDB and Python's csv; what a cell can't hold is counted."""

import csv
import datetime as dt
import io

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import shapely
from bourn.errors import EncodeError, RequestError
from bourn.testing import FormatContract, session_with
from bourn_tables.csv import CSV
from hypothesis import given
from hypothesis import strategies as st


class TestCSV(FormatContract):
    format = CSV
    big_bytes = 64_000_000

    def read_back(self, data, kind, result):
        if kind == "table":
            read = pl.read_csv(io.BytesIO(data)).to_dicts()
            assert read == pa.table(result).to_pylist()
            return
        for row, feature in zip(
            csv.DictReader(io.StringIO(data.decode(), newline="")), result.__geo_interface__["features"], strict=True
        ):
            assert shapely.from_wkt(row.pop("geometry")) == shapely.geometry.shape(feature["geometry"])
            assert row == {name: str(value) for name, value in feature["properties"].items()}


class TestCSVForSpreadsheets(TestCSV):
    @pytest.fixture
    def options(self):
        return {"delimiter": ";", "line_end": "lf"}

    def read_back(self, data, kind, result):
        if kind == "table":
            assert pl.read_csv(io.BytesIO(data), separator=";").to_dicts() == pa.table(result).to_pylist()


@pytest.fixture(scope="module")
def session():
    with session_with(formats={"csv": CSV}) as session:
        yield session


@pytest.fixture(scope="module")
def written(session):
    """Writes a result in a whole job; gives the bytes."""
    return lambda result, **options: session.compute(result, format={"type": "csv", **options})


def rows(data, **options):
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True, **options))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.tuples(texts, texts | st.none()), max_size=5), st.sampled_from(",;\t|"))
def test_any_text_is_read_as_it_was(written, table, delimiter):
    """RFC 4180: quotes are doubled, line ends within a cell are kept, lines end with CR LF."""
    columns = [pa.array([row[index] for row in table], pa.string()) for index in (0, 1)]
    data = written(pa.table(columns, names=['a"b', "c,d\r\n"]), delimiter=delimiter)
    assert data.endswith(b"\r\n")
    assert rows(data, delimiter=delimiter) == [['a"b', "c,d\r\n"], *([a, b or ""] for a, b in table)]


@given(st.lists(texts | st.none(), min_size=1, max_size=5))
def test_a_row_of_one_column_is_no_empty_line(written, column):
    data = written(pa.table({"a": pa.array(column, pa.string())}))
    assert rows(data)[1:] == [[value or ""] for value in column]
    assert len(pd.read_csv(io.BytesIO(data))) == len(column)


def test_an_empty_text_is_not_missing(written):
    data = written(pa.table({"a": ["", None], "b": [1, 2]}))
    assert data == b'"a","b"\r\n"",1\r\n,2\r\n'
    assert duckdb.read_csv(io.BytesIO(data)).fetchall() in ([("", 1), (None, 2)], [(None, 1), (None, 2)])


@given(st.lists(st.floats(width=64), min_size=1, max_size=5))
@pytest.mark.parametrize("decimal", [".", ","])
def test_floats_are_read_exactly(written, decimal, values):
    data = written(pa.table({"i": range(len(values)), "f": values}), delimiter=";", decimal=decimal)
    read = [float(row[1].replace(decimal, ".")) for row in rows(data, delimiter=";")[1:]]
    np.testing.assert_array_equal(read, values)
    assert pd.api.types.is_numeric_dtype(pd.read_csv(io.BytesIO(data), sep=";", decimal=decimal)["f"])


CHANGED = {
    "nested": (pa.array([[1, 2], None]), ["[1, 2]", ""], {"nested": {"a": 1}}),
    "mapping": (pa.array([{"x": dt.date(2020, 1, 2)}, None]), ['{"x": "2020-01-02"}', ""], {"nested": {"a": 1}}),
    "bytes": (pa.array([b"\xff\0", b""]), ["FF00", ""], {"binary": {"a": 2}}),
    "duration": (
        pa.array([dt.timedelta(seconds=2), None], pa.duration("ms")), ["2000", ""],
        {"duration": {"a": 1}, "units": {"a": "milliseconds"}},
    ),
    "dictionary": (pa.array(["x", "x"]).dictionary_encode(), ["x", "x"], {}),
    "date": (pa.array([dt.date(2020, 1, 2), None]), ["2020-01-02", ""], {}),
    "bool": (pa.array([True, None]), ["true", ""], {}),
    "all missing": (pa.nulls(2), ["", ""], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_what_a_cell_cannot_hold_is_counted(session, name):
    column, cells, report = CHANGED[name]
    job = session.compute(pa.table({"a": column, "b": [1, 2]}), format="csv", block=False).wait()
    assert [row[0] for row in rows(job.result())[1:]] == cells
    assert dict(job.report["encode"]) == {"rows": 2, **report}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (dt.datetime(2026, 3, 4, 5, 6), "04.03.2026 05:06"),  # noqa: DTZ001  # without a zone
        (dt.date(2026, 3, 4), "04.03.2026 00:00"),
        (dt.time(5, 6), "01.01.1970 05:06"),
    ],
)
def test_dates_by_a_pattern(written, value, text):
    data = written(pa.table({"a": [value], "b": [1]}), dates="%d.%m.%Y %H:%M")
    assert rows(data)[1][0] == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings(written, encoding):
    frame = pd.DataFrame({"ä": ["ö" * 5, "ß"] * 50_000, "n": range(100_000)})
    data = written(frame, encoding=encoding)
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(data), encoding=encoding), frame)


def test_a_character_that_the_encoding_lacks(written):
    with pytest.raises(EncodeError, match="iso-8859-1 has no character '語'"):
        written(pa.table({"a": ["語"], "b": [1]}), encoding="iso-8859-1")


def test_without_header(written):
    assert written(pa.table({"a": [1], "b": [2]}), header=False) == b"1,2\r\n"


def test_the_delimiter_is_no_decimal_separator(written):
    with pytest.raises(RequestError, match=r"format.decimal: expected another character than the delimiter ','"):
        written(pa.table({"a": [1.5]}), decimal=",")


def test_an_index_that_says_something_is_written(written):
    frame = pd.DataFrame({"v": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    assert rows(written(frame)) == [["v", "key"], ["1", "x"], ["2", "y"]]
    assert rows(written(frame.reset_index(drop=True))) == [["v"], ["1"], ["2"]]


def test_geometries_are_text(session):
    parks = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(0.1, 2)], crs=32633)
    job = session.compute(parks, format="csv", block=False).wait()
    assert rows(job.result()) == [["n", "geometry"], ["1", "POINT (0.1 2)"]]
    assert dict(job.report["encode"]) == {"rows": 1, "geometry": {"geometry": 1}, "crs": {"geometry": "EPSG:32633"}}
    assert any("without their CRS" in str(note) for note in session.plan(parks, format="csv").notes)
