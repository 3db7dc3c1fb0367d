"""The formats that come with bourn: pyarrow, json, msgpack and geotiff, one module each."""
