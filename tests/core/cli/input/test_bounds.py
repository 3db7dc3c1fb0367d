"""A file for `bourn send` leads to no other file, unpacks to little more than it is, and drops nothing silently."""

import json
import zipfile

import numpy as np
import pyarrow as pa
import pytest
import xarray as xr
from bourn.cli.input import read_input
from bourn.errors import RequestError
from pyarrow import parquet


def problem(given, select=None, **options):
    with pytest.raises(RequestError) as caught:
        read_input(str(given), select, **options)
    (found,) = caught.value.problems
    assert found.path == "input"
    return found.message


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"root:hunter2....")
    return path


def test_hdf5_in_other_files_is_not_opened(tmp_path, secret):
    h5py = pytest.importorskip("h5py")
    outside = tmp_path / "outside.h5"
    with h5py.File(outside, "w") as file:
        file["x"] = [1.0]
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("x", (16,), "u1", external=[(str(secret), 0, 16)])
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["x"] = h5py.ExternalLink(str(outside), "/x")
    layout = h5py.VirtualLayout(shape=(1,), dtype="f8")
    layout[:] = h5py.VirtualSource(str(outside), "x", shape=(1,))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_group("g").create_virtual_dataset("x", layout)
    for name in ("external", "link", "virtual"):
        assert "lies in another file" in problem(tmp_path / f"{name}.h5")


def test_a_raster_leads_to_no_other_file(tmp_path, secret):
    import rasterio

    vrt = f'<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand"><SourceFilename>{secret}</SourceFilename></VRTRasterBand></VRTDataset>'  # noqa: E501
    (tmp_path / "a.tif").write_text(vrt)
    with pytest.raises(RequestError, match="can't be read as a raster"):
        read_input(str(tmp_path / "a.tif"))
    profile = {"driver": "GTiff", "width": 1, "height": 1, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
    with rasterio.open(tmp_path / "b.tif", "w", transform=rasterio.Affine(2, 0, 0, 0, -2, 0), **profile) as file:
        file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(secret))
    assert "names another file for its overviews" in problem(tmp_path / "b.tif")
    with rasterio.open(tmp_path / "c.tif", "w", transform=rasterio.Affine(2, 0, 0, 0, -2, 0), **profile):
        pass
    (tmp_path / "c.tif.msk").write_text(vrt)
    assert "is not a TIFF and is not opened" in problem(tmp_path / "c.tif")


@pytest.mark.slow
def test_a_zarr_folder_with_a_link_out_of_it_is_not_opened(tmp_path, secret):
    xr.Dataset({"v": ("x", [1.0, 2.0])}).to_zarr(tmp_path / "a.zarr", consolidated=False)
    assert read_input(str(tmp_path / "a.zarr"))["v"].values.tolist() == [1.0, 2.0]
    (tmp_path / "a.zarr" / "x").symlink_to(secret)
    assert "has a symbolic link to another place" in problem(tmp_path / "a.zarr")


def test_a_file_that_promises_far_more_than_it_has_is_refused(tmp_path):
    import rasterio

    side = 6000
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=side, height=side, count=1, dtype="uint8", compress="deflate",
        tiled=True, sparse_ok=True, crs="EPSG:4326", transform=rasterio.Affine(2, 0, 0, 0, -2, 0),
    ):  # fmt: skip
        pass
    limit = 10_000_000
    assert "would unpack to 36,000,000" in problem(tmp_path / "a.tif", limit=limit)
    assert "the setting largest_input_bytes" in problem(tmp_path / "a.tif", limit=limit)
    assert read_input(str(tmp_path / "a.tif")).array.shape == (1, side, side)

    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\0" * 20_000_000)
    assert "would unpack to 20,000,000" in problem(tmp_path / "a.npz", limit=limit)

    parquet.write_table(pa.table({"a": np.zeros(5_000_000)}), tmp_path / "a.parquet")
    assert "would unpack to" in problem(tmp_path / "a.parquet", limit=limit)

    xr.Dataset({"v": ("x", np.zeros(3_000_000))}).to_netcdf(
        tmp_path / "a.nc", engine="h5netcdf", encoding={"v": {"zlib": True, "chunksizes": (1_000_000,)}}
    )
    assert "would unpack to 24,000,000" in problem(tmp_path / "a.nc", limit=limit)


def test_groups_are_chosen_or_listed(tmp_path, caplog):
    path = tmp_path / "a.nc"
    xr.Dataset({"ozone": ("x", [1.0, 2.0])}).to_netcdf(path, engine="h5netcdf", group="PRODUCT")
    assert "take one: --select group=PRODUCT. Groups: PRODUCT" in problem(path)
    assert list(read_input(str(path), {"group": "PRODUCT"}).data_vars) == ["ozone"]
    assert "Did you mean 'PRODUCT'?" in problem(path, {"group": "PRODUKT"})
    path = tmp_path / "b.nc"
    xr.Dataset({"v": ("x", [1.0])}).to_netcdf(path, engine="h5netcdf")
    xr.Dataset({"ozone": ("x", [1.0])}).to_netcdf(path, engine="h5netcdf", group="PRODUCT", mode="a")
    assert list(read_input(str(path)).data_vars) == ["v"]
    assert "the groups PRODUCT are left out" in caplog.text


def test_variables_and_places_are_chosen(tmp_path):
    path = tmp_path / "a.nc"
    data = xr.Dataset(
        {"v": (("time", "x"), np.arange(6.0).reshape(2, 3)), "w": ("x", [1, 2, 3])},
        {"time": np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]"), "x": [10.0, 20.0, 30.0]},
    )
    data.to_netcdf(path, engine="h5netcdf")
    found = read_input(str(path), {"variable": "v", "time": "2026-01-02", "x": "11..30"})
    assert found.values.tolist() == [4.0, 5.0] or found.values.tolist() == [[4.0, 5.0]]
    assert "it has time, x" in problem(path, {"y": "1"})
    assert "Did you mean" not in problem(path, {"time": "2027-01-01"})
    assert "there are v, w" in problem(path, {"variable": "q"})
    (tmp_path / "a.json").write_text("1")
    assert "it takes none" in problem(tmp_path / "a.json", {"variable": "x"})


def test_csv_with_line_breaks_in_quotes(tmp_path):
    path = tmp_path / "a.csv"
    rows = [(f"Dear {n},\n" + "line\n" * 20, n) for n in range(20_000)]
    path.write_text("text,number\n" + "".join(f'"{text}",{n}\n' for text, n in rows))
    assert read_input(str(path)).to_pylist()[-1] == {"text": rows[-1][0], "number": 19_999}


@pytest.mark.parametrize(
    ("name", "data", "select"),
    [
        ("a.csv", "a;b\n1;x,y\n", {}),
        ("a.tsv", "a\tb\n1\tx,y\n", {}),
        ("a.csv", "a|b\n1|x,y\n", {}),
        ("a.csv", "a:b\n1:x,y\n", {"separator": ":"}),
        ("a.csv", "a;b\n1;x,y\n", {"separator": "semicolon"}),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_separators_and_encodings(tmp_path, name, data, select, encoding):
    (tmp_path / name).write_bytes(data.encode(encoding))
    assert read_input(str(tmp_path / name), select).to_pylist() == [{"a": 1, "b": "x,y"}]


def test_an_encoding_that_has_no_mark_is_asked_for(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("a\nMünchen\n".encode("cp1252"))
    assert "--select encoding=cp1252" in problem(path)
    assert read_input(str(path), {"encoding": "cp1252"}).to_pylist() == [{"a": "München"}]
    assert "there is no 'cp9999'" in problem(path, {"encoding": "cp9999"})


TEXTS = {
    "phone": ["+49170", "+491"], "hex": ["0x10", "0x1F"], "commit": ["1e999", "12e4"],
    "digits": ["0.12345678901234567890123", "1.5"],
}  # fmt: skip
NUMBERS = {
    "float": ["0.30000000000000004", "1e-05"], "scientific": ["1.000000000000000000e+00", "2.5e+20"],
    "small": ["0.0000000000000000001", "1"], "long": ["1234567890123456", "1"],
}  # fmt: skip


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_texts_that_look_like_numbers_stay_texts(tmp_path, texts):
    (tmp_path / "a.csv").write_text("\n".join(["c", *texts]))
    assert read_input(str(tmp_path / "a.csv"))["c"].to_pylist() == texts


@pytest.mark.parametrize("texts", NUMBERS.values(), ids=NUMBERS)
def test_numbers_as_programs_write_them_are_numbers(tmp_path, texts):
    (tmp_path / "a.csv").write_text("\n".join(["c", *texts]))
    assert read_input(str(tmp_path / "a.csv"))["c"].to_pylist() == [float(text) for text in texts]


def test_lines_of_json(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n\n{"a": 2}\n')
    assert read_input(str(tmp_path / "a.jsonl")) == [{"a": 1}, {"a": 2}]
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n\n{"a": }\n')
    assert "line 3 column" in problem(tmp_path / "a.jsonl")


def test_json_that_would_lose_something_is_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"b": {"a": 1, "a": 2}}')
    assert "the key 'a' stands twice in one object" in problem(path)
    path.write_text("[1e400]")
    assert "the number '1e400' is beyond float64" in problem(path)


def test_archives_of_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=np.zeros(2))
    found = read_input(str(tmp_path / "a.npz"))
    assert {name: array.tolist() for name, array in found.items()} == {"x": [0, 1, 2], "y": [0.0, 0.0]}
    assert read_input(str(tmp_path / "a.npz"), {"variable": "x"}).tolist() == [0, 1, 2]
    np.savez(tmp_path / "b.npz", x=np.array([{}], object))
    assert "without code" in problem(tmp_path / "b.npz") or "allow_pickle" in problem(tmp_path / "b.npz")


def test_geoparquet_keeps_its_geometry(tmp_path):
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely")
    places = geopandas.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(1, 2)], crs=4326)
    places.to_parquet(tmp_path / "a.parquet")
    found = read_input(str(tmp_path / "a.parquet"))
    assert json.loads(found.to_json())["features"][0]["geometry"]["coordinates"] == [1.0, 2.0]
    assert found.crs == places.crs
