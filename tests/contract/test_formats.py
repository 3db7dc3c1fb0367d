"""The built-in formats keep the contract; their bytes are read by other libraries."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest
import rasterio
from bourn.testing import FormatContract


class PyArrowContract(FormatContract):
    name = "pyarrow"


class TestPyArrow(PyArrowContract):
    def witness(self, data, kind, result):
        table = pa.ipc.open_stream(io.BytesIO(data)).read_all()
        if kind == "table":
            assert table.equals(result)
        elif kind == "array":
            assert table["bytes"].combine_chunks().to_numpy().tobytes() == result.tobytes()
        else:
            assert b"bourn" in table.schema.metadata


class TestPyArrowOtherwiseCompressed(PyArrowContract):
    @pytest.fixture(params=["brotli", "zstd", "none"])
    def options(self, request):
        return {"compression": request.param}


class TestJSON(FormatContract):
    name = "json"

    def witness(self, data, kind, result):
        read = json.loads(data)
        if kind == "image":
            assert read["ndarray"] == result.array.tolist()
        elif kind == "table":
            assert read == result.to_pylist()
        elif kind == "features":
            assert read == result.__geo_interface__
        else:
            assert read == (result.tolist() if kind == "array" else result)


class TestGeoTIFF(FormatContract):
    name = "geotiff"

    def witness(self, data, kind, result):
        with rasterio.MemoryFile(data) as file, file.open(driver="GTiff") as dataset:
            assert np.array_equal(dataset.read(), result.array)
            assert dataset.descriptions == result.bands
            assert (dataset.crs.to_epsg(), dataset.transform) == (32633, result.geobox.affine)
