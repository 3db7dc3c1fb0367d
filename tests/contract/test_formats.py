"""The built-in formats keep the contract; their bytes are read by other libraries."""

import io
import json
from typing import ClassVar

import msgpack
import numpy as np
import pyarrow as pa
import pytest
import rasterio
from bourn.testing import FormatContract

pytestmark = pytest.mark.slow


class TestPyArrow(FormatContract):
    name = "pyarrow"

    def read_back(self, data, kind, result):
        table = pa.ipc.open_stream(io.BytesIO(data)).read_all()
        if kind == "table":
            assert table.equals(result)
        elif kind == "array":
            assert table["bytes"].combine_chunks().to_numpy().tobytes() == result.tobytes()
        else:
            assert b"bourn" in table.schema.metadata


class TestPyArrowOtherwiseCompressed(FormatContract):
    name = "pyarrow"

    @pytest.fixture(params=["brotli", "zstd", "none"])
    def options(self, request):
        return {"compression": request.param}


class TestJSON(FormatContract):
    name = "json"
    changes: ClassVar = {
        "value-nan": "NaN becomes null",
        "value-infinities": "infinities become null",
        "value-tuple": "a tuple becomes a list",
        "value-moment": "moments become texts",
        "value-moment without a zone": "moments become texts",
        "value-day": "days become texts",
        "array-float32": "the shortest text of a float32 is that of another float64",
        "array-nan and infinity": "NaN and infinities become null",
        "array-moments": "moments become texts",
        "value-duration": "durations become texts",
        "array-durations": "durations become texts",
        "image-float with nan": "NaN becomes null",
        "table-moments": "moments become texts",
    }

    def read_back(self, data, kind, result):
        read = json.loads(data)
        if kind == "image":
            assert read["ndarray"] == result.array.tolist()
        elif kind == "table":
            assert read == result.to_pylist()
        elif kind == "features":
            assert read == result.__geo_interface__
        else:
            assert read == (result.tolist() if kind == "array" else result)


class TestMsgPack(FormatContract):
    name = "msgpack"

    def read_back(self, data, kind, result):
        read = msgpack.unpackb(data)
        if kind == "image":
            assert read["ndarray"].data.endswith(result.array.tobytes())
        elif kind == "table":
            assert read == result.to_pylist()
        elif kind == "features":
            assert read == result.__geo_interface__
        elif kind == "array":
            assert read == (1, b"\x03<i2C\x02" + (3).to_bytes(8) + (4).to_bytes(8) + result.tobytes())
        else:
            assert read == result


class TestGeoTIFF(FormatContract):
    name = "geotiff"
    big_bytes = 128_000_000  # up to 16 MiB of compressed tiles wait in memory, so that small images need no file

    def read_back(self, data, kind, result):
        with rasterio.MemoryFile(data) as file, file.open(driver="GTiff") as dataset:
            assert np.array_equal(dataset.read(), result.array)
            assert dataset.descriptions == result.bands
            assert (dataset.crs.to_epsg(), dataset.transform) == (32633, result.geobox.affine)
