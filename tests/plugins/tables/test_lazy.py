"""Lazy tables: written a part at a time, and never whole in memory."""

import io

import dask
import dask.dataframe as dd
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bourn.errors import EncodeError, RequestError
from bourn.testing import session_with
from bourn_tables.csv import CSV
from bourn_tables.parquet import Parquet

READERS = {"csv": pd.read_csv, "parquet": pd.read_parquet}


@pytest.fixture(scope="module")
def session():
    with session_with(formats={"csv": CSV, "parquet": Parquet}) as session:
        yield session


@pytest.fixture
def frame():
    return pd.DataFrame({"n": range(10), "s": ["a", None] * 5, "f": np.arange(10) / 7})


@pytest.mark.parametrize("name", READERS)
def test_a_dask_dataframe_is_written_as_the_table_it_would_be(session, frame, name):
    lazy = dd.from_pandas(frame, npartitions=3)
    read = READERS[name](io.BytesIO(session.compute(lazy, format=name)))
    pd.testing.assert_frame_equal(read.reset_index(drop=True), frame, check_dtype=False)


def test_one_partition_is_held_at_a_time(session):
    """A partition is computed only when those before it are in the file."""
    rows, order = 40_000, []

    def part(number):
        order.append(number)
        return pd.DataFrame({"f": np.random.default_rng(number).random(rows)})

    parts = [dask.delayed(part)(number) for number in range(6)]
    lazy = dd.from_delayed(parts, meta=pd.DataFrame({"f": [1.0]}), verify_meta=False)
    data = session.compute(lazy, format={"type": "parquet", "rows": rows})
    assert order == list(range(6))
    assert pq.read_metadata(io.BytesIO(data)).num_row_groups == 6


def test_a_partition_of_other_types_is_named(session):
    parts = [dask.delayed(pd.DataFrame)({"a": [value]}) for value in (1, "x")]
    lazy = dd.from_delayed(parts, meta=pd.DataFrame({"a": [1]}), verify_meta=False)
    with pytest.raises(EncodeError, match=r"result\.partitions\[1\]"):
        session.compute(lazy, format="parquet")


def test_a_lazy_table_is_known_as_one_before_it_is_computed(session, frame):
    info = session.plan(dd.from_pandas(frame, npartitions=2), format="parquet").info
    assert (info.kinds, info.lazy) == (("table",), True)
    with pytest.raises(RequestError, match=r"format\.sort: a lazy table is written as it is computed"):
        session.plan(dd.from_pandas(frame, npartitions=2), format={"type": "parquet", "sort": ["n"]})


class Stream:
    """A source of Arrow batches that are made when they are asked for."""

    def __init__(self, count, rows):
        self.schema = pa.schema({"n": pa.int64()})
        self.count, self.rows, self.most_bytes = count, rows, 0

    def __arrow_c_stream__(self, requested_schema=None):
        before = pa.total_allocated_bytes()

        def batches():
            for number in range(self.count):
                self.most_bytes = max(self.most_bytes, pa.total_allocated_bytes() - before)
                yield pa.RecordBatch.from_pydict({"n": np.arange(self.rows) + number}, self.schema)

        reader = pa.RecordBatchReader.from_batches(self.schema, batches())
        return reader.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("name", READERS)
def test_a_stream_of_batches_is_written_in_flat_memory(session, name):
    """The memory for 200 batches is that for 20."""
    most = []
    for count in (20, 200):
        stream = Stream(count, 20_000)
        data = session.compute(stream, format=name)
        assert len(READERS[name](io.BytesIO(data))) == count * 20_000
        most.append(stream.most_bytes)
    assert most[1] < most[0] + 2_000_000


def test_small_batches_are_joined_into_row_groups(session):
    data = session.compute(Stream(10, 7), format={"type": "parquet", "rows": 25})
    metadata = pq.read_metadata(io.BytesIO(data))
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [25, 25, 20]


def test_tables_of_other_libraries(session):
    relation = duckdb.sql("select range as n from range(3)")
    for table in (pl.DataFrame({"n": [0, 1, 2]}), relation):
        assert session.compute(table, format="csv").split() == [b'"n"', b'"0"', b'"1"', b'"2"']
