"""What ``bourn send`` can be given."""

import pickle

import numpy as np
import pytest
from bourn.cli.input import read_input
from bourn.errors import RequestError


def problem(given):
    with pytest.raises(RequestError) as caught:
        read_input(str(given))
    (found,) = caught.value.problems
    assert found.path == "input"
    return found.message


def test_json(tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": [1, null]}')
    assert read_input(str(file)) == {"a": [1, None]}


def test_an_array_stays_in_its_file(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    found = read_input(str(tmp_path / "a.npy"))
    assert isinstance(found, np.memmap)
    assert found.shape == (2, 3)


def test_an_array_of_objects_is_refused(tmp_path):
    """Reading it would run code."""
    file = tmp_path / "a.npy"
    np.save(file, np.array([{}], object), allow_pickle=True)
    assert "without running code" in problem(file)
    file.write_bytes(pickle.dumps(1))
    assert "without running code" in problem(file)


def test_a_callable(tmp_path, monkeypatch):
    (tmp_path / "made.py").write_text("def two():\n    return 2\nclass In:\n    three = staticmethod(lambda: 3)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere"])
    assert read_input("made:two")() == 2
    assert read_input("made:In.three")() == 3
    assert problem("made:tow") == "'made' has no 'tow'. Did you mean 'two'?"
    assert problem("mad:two") == "the module 'mad' can't be imported: ModuleNotFoundError: No module named 'mad'"


def test_a_module_that_raises(tmp_path, monkeypatch):
    (tmp_path / "raises.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere"])
    assert problem("raises:x") == "the module 'raises' can't be imported: ZeroDivisionError: division by zero"


def test_what_cannot_be_read(tmp_path):
    def file(name, data=b""):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    assert problem(file("a.jsn")).endswith("Did you mean '.json'?")
    assert problem(file("a.xlsx")).startswith(
        "a file that ends in '.xlsx' can't be read; it can be .arrow, .arrows, .csv,"
    )
    assert "which has no suffix" in problem(file("data"))
    assert problem(file("bad.json", b"{\n 'a'}")).endswith(
        "is not JSON: Expecting property name enclosed in double quotes, line 2 column 2"
    )
    assert problem(file("latin.json", b'"\xe9"')).endswith("is not UTF-8: invalid continuation byte at byte 1")
    assert "can't be read: RecursionError" in problem(file("deep.json", b"[" * 200_000))
    assert problem(tmp_path / "bad.jso").endswith(".json'?")
    assert problem(tmp_path / "bda.json").endswith(f"Did you mean '{tmp_path / 'bad.json'}'?")
    (tmp_path / "folder.json").mkdir()
    assert problem(tmp_path / "folder.json").endswith("is a folder")


def test_a_file_that_is_no_raster(tmp_path):
    file = tmp_path / "a.tif"
    file.write_bytes(b"not a tiff")
    with pytest.raises(RequestError):
        read_input(str(file))


def test_netcdf_of_the_classic_format_names_its_reader(tmp_path, monkeypatch):
    """Such as h5netcdf does not read; and xarray's own words do not say which file it is."""
    xr = pytest.importorskip("xarray")
    monkeypatch.setattr(xr.backends, "list_engines", lambda: {"h5netcdf": None, "store": None})
    file = tmp_path / "a.nc"
    file.write_bytes(b"CDF\x01" + bytes(28))
    assert problem(file).endswith("is a netCDF file of the classic format (netCDF-3); pip install scipy")
