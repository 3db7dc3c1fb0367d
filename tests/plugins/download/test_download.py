"""Download: a link, and nothing else."""

from types import SimpleNamespace

from bourn.options.serialization import read
from bourn.plugin import ANY, Artifact, NoOptions, Receipt
from bourn.plugins.registry import Registry
from bourn_download import Download


def test_the_receipt_is_the_link():
    context = SimpleNamespace(link=lambda: "https://x/d/t/result.json")
    artifact = Artifact(
        key="a/b.json", filename="result.json", suffix=".json", media_type="application/json", size_bytes=1,
        sha256="", source=None,
    )  # fmt: skip
    assert Download().deliver(artifact, NoOptions(), context) == Receipt(url="https://x/d/t/result.json")


def test_it_takes_everything_and_has_no_options():
    download = Download()
    assert (download.formats, download.kinds, download.Options) == (ANY, ANY, NoOptions)
    assert (download.gives_data, download.encodes_alone(), download.loads_alone()) == (True, False, False)
    _, problems = read(NoOptions, {"subject": "x"}, at="destination")
    assert [problem.path for problem in problems] == ["destination.subject"]


def test_it_is_found_as_a_third_partys_plugin_is():
    spec = Registry.installed().destinations["download"]
    assert (spec.distribution, spec.load().__class__) == ("bourn-download", Download)
    assert spec.summary == "A link to the result, valid for ten days."


def test_its_examples_are_requests():
    assert [(example.title, example.destination, example.format) for example in Download.examples] == [
        ("The Python object back, and a link to it", "download", None),
        ("A Cloud Optimized GeoTIFF to download", "download", "geotiff"),
        ("JSON, small enough to read", {"type": "download"}, {"type": "json"}),
    ]
