"""The formats that come with bourn: pyarrow, json and geotiff, one module each."""
