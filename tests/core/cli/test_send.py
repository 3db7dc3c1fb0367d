"""``bourn send``."""

import json
import re
import warnings

import numpy as np
import pytest
from bourn.plugin import Destination, Format, Receipt


class Text(Format):
    """Whatever it is, as text."""

    def encode(self, result, options, sink):
        sink.write(str(result).encode())
        return {}


@pytest.fixture
def two(tmp_path, home):
    (tmp_path / "two.json").write_text("2")
    return "two.json"


LOCAL = "links begin with http://127.0.0.1:8622: they work on this machine only"


def test_the_link_goes_to_standard_output(run, two):
    done = run("send", two)
    assert done.exit_code == 0
    (link,) = done.stdout.splitlines()
    assert link.startswith("http://127.0.0.1:8622/d/")
    assert link.endswith(".txt")
    note, until = done.stderr.splitlines()
    assert (note, until[:21]) == (f"Note: {LOCAL}", "The link works until ")


class Deed(Destination):
    """Written down somewhere, under a name."""

    gives_data = False

    def deliver(self, artifact, options, context):
        return Receipt(detail={"name": "deed 7"})

    def load(self, receipt, artifact, context):
        warnings.warn("the ink is wet", stacklevel=2)
        return receipt.detail["name"]


def test_what_a_destination_gives_in_place_of_the_data_goes_to_standard_output(run_over, two):
    """A link to the bytes, and until when it works, would say that it is not there for longer."""
    run = run_over(destinations={"deed": Deed}, formats={"text": Text})
    done = run("send", two, "-d", "deed", "-F", "text")
    assert (done.stdout, done.stderr) == ("deed 7\n", "Warning: the ink is wet\n")
    done = run("send", two, "-d", "deed", "-F", "text", "-q")
    assert (done.stdout, done.stderr) == ("deed 7\n", "Warning: the ink is wet\n")
    assert "links begin with" not in run("send", two, "-d", "deed", "-F", "text", "--plan").stdout


def test_quiet_is_quiet(run, two):
    done = run("send", two, "-q")
    assert done.stdout.startswith("http")
    assert done.stderr == ""


def test_standard_input(run, home):
    done = run.json("send", "-", input='{"a": 1}')
    assert done["stage"] == "SUCCEEDED"
    assert run.session.job(done["id"]).result() == b"{'a': 1}"


def test_json_has_all_of_a_job(run, two):
    done = run.json("send", two, "-d", "letter", "-o", "to=a@b.c", "-o", "urgent=true", "-o", "address.number=7")
    assert done.pop("sha256") == "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35"
    assert {key: done[key] for key in ("stage", "url", "size_bytes", "receipt", "report", "error")} == {
        "stage": "SUCCEEDED",
        "url": "https://post.example/1",
        "size_bytes": 1,
        "receipt": {"url": "https://post.example/1", "detail": {"to": ["a@b.c"], "urgent": True}},
        "report": {"encode": {"written": "text"}},
        "error": None,
    }
    assert done["destination"]["address"] == {"street": "", "number": 7}
    assert set(done) == {
        "id", "group", "stage", "destination", "format", "url", "expires", "size_bytes", "receipt", "report", "error",
        "created", "runtime_seconds", "link", "notes",
    }  # fmt: skip


def test_a_url_of_the_destination_has_no_end(run, two):
    """Only of our own links it is known until when they work."""
    done = run("send", two, "-d", "letter")
    assert done.stdout == "https://post.example/1\n"
    assert done.stderr == "Note: letters are slow\n"


def test_several_destinations(run, two):
    done = run("send", two, "-d", "letter", "-d", "shelf", "-o", "urgent=true", "--json")
    letter, shelf = map(json.loads, done.stdout.splitlines())
    assert letter["group"] == shelf["group"]
    assert letter["destination"]["urgent"] is True
    assert shelf["destination"] == {"type": "shelf"}


def test_a_destination_as_json(run, two):
    done = run.json("send", two, "-d", '{"type": "letter", "retries": 1}', "-o", "urgent=true")
    assert done["destination"]["retries"] == 1
    assert done["destination"]["urgent"] is True
    assert run("send", two, "-d", '{"type": "letter"').exit_code == 2


def test_everything_that_is_wrong_at_once(run, two):
    done = run(
        "send", two, "-d", "letter", "-F", "text",
        "-o", "retries=11", "-o", "urgent=maybe", "-o", "subjekt=x", "-f", "width=0", "-f", "ends=cr",
    )  # fmt: skip
    assert done.exit_code == 2
    assert done.stdout == ""
    assert [line.split()[0] for line in done.stderr.splitlines()[1:]] == [
        "destination.retries", "destination.urgent", "destination.subjekt", "format.width", "format.ends",
    ]  # fmt: skip
    assert "'letter' has no option 'subjekt'; did you mean 'subject'?" in done.stderr


def test_a_bad_request_as_json(run, two):
    output = run.json("send", two, "-d", "lettr")["error"]
    assert output["code"] == "unknown-plugin"
    assert output["problems"][0]["path"] == "destination"
    assert output["problems"][0]["message"].endswith("Did you mean 'letter'?")


def test_options_of_a_format_need_its_name(run, two):
    done = run("send", two, "-f", "width=3")
    assert done.exit_code == 2
    assert "-f is an option of a format; say which one, by --format" in done.stderr


def test_a_refused_pair(run, two):
    done = run("send", two, "-d", "frame", "-F", "text")
    assert done.exit_code == 2
    assert done.stderr == "Error: format: 'frame' takes picture, not 'text' (text/plain). Formats that fit: picture\n"


def test_a_plan_touches_nothing(run, two, home):
    done = run("send", two, "-d", "letter", "--plan")
    assert done.stdout.splitlines() == [
        "result       value, int",
        "destination  letter   given 0",
        "             to       []",
        "             retries  3",
        "             urgent   false",
        "             subject  Done",
        '             address  {"street": "", "number": 1}',
        "format       text     given 0",
        "             width    null",
        "             ends     lf",
        "note         letters are slow",
    ]
    assert done.stderr == "Nothing was computed, and nothing was sent.\n"
    assert not home.exists()
    assert run.json("send", two, "--plan")["destination"] == {"type": "shelf"}


def test_a_failed_delivery(run, two):
    done = run("send", two, "-d", "letter", "-o", "subject=never")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "the postman is ill" in done.stderr
    failed = run.json("send", two, "-d", "letter", "-o", "subject=never")
    assert failed["error"] == {"code": "delivery-error", "message": "the postman is ill"}


def test_one_failure_of_several(run, two):
    done = run("send", two, "-d", "letter", "-d", "shelf", "-o", "subject=never")
    assert done.exit_code == 1
    assert done.stdout.startswith("http://127.0.0.1:8622/d/")


def test_a_callable_that_raises(run, tmp_path, monkeypatch, home):
    (tmp_path / "faulty.py").write_text("def f():\n    raise KeyError('x')\n")
    monkeypatch.setattr("sys.path", [str(tmp_path), "/nowhere"])
    done = run("send", "faulty:f")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].endswith("computing the result failed: KeyError: 'x'")


def test_a_file_gets_the_bytes(run, two, tmp_path):
    assert run("send", two, "--file", "out.txt").exit_code == 0
    assert (tmp_path / "out.txt").read_bytes() == b"2"


@pytest.mark.parametrize(
    "arguments", [["-d", "letter"], ["-d", "shelf", "-d", "frame", "-F", "picture"], ["--no-wait"]]
)
def test_a_file_that_cannot_be_written_is_refused_before(run, two, tmp_path, arguments):
    done = run("send", two, "--file", "out.txt", *arguments)
    assert done.exit_code == 2
    assert not (tmp_path / "out.txt").exists()
    assert run("jobs").stdout == "There are no jobs.\n"


def test_no_wait_prints_the_id(run, two):
    done = run("send", two, "--no-wait")
    job = run.session.job(done.stdout.strip())
    assert job.wait().stage == "SUCCEEDED"


def test_a_raster_is_read_by_windows(run, tmp_path, monkeypatch, home):
    """The image reaches the format lazy, and comes out of it pixel by pixel."""
    import rasterio
    from bourn.image.image import Image

    pixels = np.arange(3 * 300 * 200, dtype="uint16").reshape(3, 300, 200)
    profile = {"driver": "GTiff", "count": 3, "height": 300, "width": 200, "dtype": "uint16", "crs": "EPSG:32613"}
    with rasterio.open(
        tmp_path / "a.tif", "w", **profile, tiled=True, blockxsize=64, blockysize=64,
        transform=rasterio.transform.from_origin(410000, 3954000, 10, 10),
    ) as file:  # fmt: skip
        file.write(pixels)
    monkeypatch.setattr(Image, "compute", lambda *_: pytest.fail("the whole image was read"))
    done = run.json("send", "a.tif", "-F", "picture", "--file", "out.pic")
    assert done["stage"] == "SUCCEEDED"
    assert (tmp_path / "out.pic").stat().st_size == pixels.nbytes
    plan = run("send", "a.tif", "-F", "picture", "--plan").stdout
    assert plan.startswith(
        "result       image, 3 x 300 x 200 uint16, bands band_1 band_2 band_3, EPSG:32613, 351.6 KiB"
    )


def test_a_ledger_that_does_not_work_is_reported_without_a_traceback(session_of, tmp_path):
    """And without the statement, in whose parameters secrets may stand."""
    from bourn.cli.commands import bourn
    from bourn.contract.option import Secret
    from click.testing import CliRunner

    (tmp_path / "ledger.db").write_bytes(b"no database, but long enough to be taken for one" * 100)
    (tmp_path / "ledger.db").chmod(0o600)
    session = session_of(settings={"database_url": Secret(f"sqlite:///{tmp_path}/ledger.db")})
    done = CliRunner().invoke(bourn, ["send", "-", "-F", "json"], obj=session, input="2")
    assert done.exit_code == 1
    assert re.fullmatch(r"Error: the ledger at sqlite:///.*/ledger\.db fails: file is not a database\n", done.stderr)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "me"], "'to' is one of the destination 'letter': --destination letter -o to=VALUE"),
        (["--to=me", "-d", "letter"], "'to' is one of the destination 'letter': -o to=VALUE"),
        (["--to", "me", "--destination", "LETTER"], "'to' is one of the destination 'letter': -o to=VALUE"),
        (["--addres=x", "-d", "letter"], "'address' is one of the destination 'letter': -o address=VALUE"),
        (["--width", "3", "-F", "text"], "'width' is one of the format 'text': -f width=VALUE"),
        (["--width", "3"], "'width' is one of the format 'text': --format text -f width=VALUE"),
        (["--to", "me", "-d", "lettre"], "'to' is one of the destination 'letter': --destination letter -o to=VALUE"),
        (["--to", "me", "-d", '{"type": "letter"}'], "'to' is one of the destination 'letter': -o to=VALUE"),
    ],
)
def test_an_option_of_a_plugin_is_given_by_another_way(run, two, words, said):
    done = run("send", two, *words)
    assert done.exit_code == 2
    option = words[0].partition("=")[0]
    assert f"Error: '{option}' is no option of `bourn send`. {said}\n" in done.stderr


def test_what_nobody_has_is_no_such_option(run, two):
    for words in (["--nonsense"], ["--tiemout", "3", "-d", "letter"]):
        done = run("send", two, *words)
        assert done.exit_code == 2
        assert "No such option" in done.stderr
