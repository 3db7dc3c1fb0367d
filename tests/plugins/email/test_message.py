"""What a message says: text and HTML, the picture of an image, templates of a deployment's own, files."""

import email
import email.policy
import io
import os
import stat
from pathlib import Path

import bourn
import numpy as np
import pytest
from affine import Affine
from bourn.errors import Refused
from odc.geo.geobox import GeoBox


@pytest.fixture
def outbox(mail, tmp_path):
    """Sends a result into a folder; gives the job, and the message as it was read again."""

    def send(obj=2, *, settings=None, **options):
        folder = tmp_path / "outbox"
        session = mail.session(f"file://{folder}", **(settings or {}))
        job = mail.send(session, obj, **options)
        assert job.error is None, job.error
        return job, [read(path) for path in sorted(folder.glob("*.eml"))]

    return send


def read(path):
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def text_of(message):
    return message.get_body(("plain",)).get_content().replace("\r\n", "\n")


def html_of(message):
    return message.get_body(("html",)).get_content()


def image(shape=(700, 1200), bands=("red", "green", "blue", "nir"), dtype="uint16", **more):
    grid = GeoBox(shape, Affine(10, 0, 500_000, 0, -10, 4_000_000), "EPSG:32613")
    pixels = np.random.default_rng(0).integers(1, 3000, (len(bands), *shape)).astype(dtype)
    return bourn.Image(pixels, bands=list(bands), geobox=grid, **more)


def pictures_of(message):
    return [part for part in message.walk() if part.get_content_maintype() == "image"]


def test_it_says_what_it_leads_to_and_until_when(outbox):
    job, (message,) = outbox({"a": 1}, body="Dear you,\n\nit is done.\nBye")
    said = text_of(message)
    assert said.startswith("Dear you,\n\nit is done.\nBye\n\nDownload the result:\n\n")
    assert f"\n{job.url}\n" in said
    for part in (said, html_of(message)):
        for words in (
            f"bourn-{job.id[:12]}.json", "JSON (application/json)", "7 bytes", "Sunday 11 January 2026, 12:00 UTC",
            job.id, "Anyone who has this link can download the result",
        ):  # fmt: skip
            assert words in part
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message["Date"]) == "Thu, 01 Jan 2026 12:00:00 +0000"
    assert job.expires_datetime.isoformat() == "2026-01-11T12:00:00+00:00"


def test_the_html_has_a_button_and_the_link_on_a_line_of_its_own(outbox):
    job, (message,) = outbox(body="a < b\n\nc & d\ne")
    html = html_of(message)
    assert html.count(f'href="{job.url}"') == 2
    assert f">{job.url}</a>" in html
    assert "a &lt; b</p>" in html
    assert "c &amp; d<br>e</p>" in html
    assert "prefers-color-scheme: dark" in html


def test_of_an_image_it_says_more_and_shows_it(outbox):
    _, (message,) = outbox(image(), format="geotiff")
    for part in (text_of(message), html_of(message)):
        for words in ("1,200 x 700 pixels", "red, green, blue, nir (uint16)", "EPSG:32613", "GeoTIFF (image/tiff)"):
            assert words in part
    (picture,) = pictures_of(message)
    assert picture["Content-ID"] == "<picture@bourn>"
    assert 'src="cid:picture@bourn"' in html_of(message)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/jpeg",
    ]  # fmt: skip
    height, width = drawn(picture).shape[1:]
    assert (height, width) == (175, 300)  # of the smallest overview
    assert f'width="{width}"' in html_of(message)


def drawn(picture):
    from rasterio.io import MemoryFile

    with MemoryFile(picture.get_content()) as memory, memory.open() as file:
        return file.read()


def test_what_is_masked_is_seen_through(outbox):
    mask = np.zeros((700, 1200), bool)
    mask[:, :600] = True
    _, (message,) = outbox(image(mask=mask), format="geotiff")
    (picture,) = pictures_of(message)
    assert picture.get_content_type() == "image/png"
    pixels = drawn(picture)
    assert pixels.shape[0] == 4
    assert (pixels[3, :, :140] == 0).all()
    assert (pixels[3, :, 160:] == 255).all()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "bool", "int64"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (200, 3000), (600, 600)])
def test_images_of_every_kind_are_drawn(outbox, dtype, shape):
    _, (message,) = outbox(image(shape, ["b"], dtype), format="geotiff")
    (picture,) = pictures_of(message)
    assert 120 <= max(drawn(picture).shape) <= 360


def test_of_few_pixels_each_is_a_square(outbox):
    _, (message,) = outbox(image((2, 3), ["b"]), format="geotiff")
    (picture,) = pictures_of(message)
    pixels = drawn(picture)[0].astype(int)
    assert pixels.shape == (80, 120)
    assert 'width="120"' in html_of(message)
    assert all(np.ptp(square) < 10 for half in np.split(pixels, 2) for square in np.split(half, 3, axis=1))


@pytest.mark.parametrize("shape", [(5, 3000), (3000, 20), (1, 40)])
def test_a_strip_is_not_drawn(outbox, shape):
    _, (message,) = outbox(image(shape, ["b"]), format="geotiff")
    assert pictures_of(message) == []
    assert "EPSG:32613" in text_of(message)


def test_of_many_or_long_names_some_are_listed(outbox):
    names = [f"b{number}" for number in range(30)]
    _, (message,) = outbox(image((20, 20), names, "uint8"), format="geotiff")
    assert f"  bands   {', '.join(names[:12])} and 18 more (uint8)\n" in text_of(message)


def test_a_long_name_is_cut(outbox):
    names = [f"{number}{'x' * 500}" for number in range(5)]
    _, (message,) = outbox(image((20, 20), names, "uint8"), format="geotiff")
    reported = ", ".join(f"{number}{'x' * 36}..." for number in range(3))
    assert f"  bands   {reported} and 2 more (uint8)\n" in text_of(message)


@pytest.mark.parametrize("fill", [np.nan, np.inf])
def test_an_image_of_nothing_has_no_picture(outbox, fill):
    grid = GeoBox((8, 8), Affine(10, 0, 0, 0, -10, 0), "EPSG:32613")
    _, (message,) = outbox(bourn.Image(np.full((1, 8, 8), fill), bands=["x"], geobox=grid), format="geotiff")
    assert pictures_of(message) == []
    assert "8 x 8 pixels" in text_of(message)


def test_a_large_image_without_overviews_is_not_read(outbox):
    format_ = {"type": "geotiff", "overviews": False}
    _, (message,) = outbox(image((2100, 2100), ["x"]), format=format_)
    assert pictures_of(message) == []
    assert "2,100 x 2,100 pixels" in text_of(message)


@pytest.mark.parametrize("format_", ["pyarrow", "json", "msgpack"])
def test_an_image_in_another_format_has_no_picture(outbox, format_):
    _, (message,) = outbox(image((8, 8)), format=format_)
    assert pictures_of(message) == []


def test_what_only_looks_like_a_tiff_is_not_opened(caplog):
    """A file that names others is no picture; and a message goes out without."""
    from types import SimpleNamespace

    from bourn_email.picture import picture_of

    vrt = b'<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand band="1" dataType="Byte"/></VRTDataset>'
    artifact = SimpleNamespace(
        media_type="image/tiff", key="j/d.tif", local_path=None, open=lambda: io.BytesIO(vrt)
    )  # fmt: skip
    assert picture_of(artifact) is None
    assert "no picture of j/d.tif" in caplog.text


# -- templates ------------------------------------------------------------------------------------------------------


@pytest.fixture
def templates(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    return folder


def test_a_deployment_has_templates_of_its_own(outbox, templates):
    (templates / "mail.txt").write_text("{{ mail.subject }} {{ mail.link }} {{ mail.picture or 'none' }}\n")
    job, (message,) = outbox(body="<b>", settings={"templates": str(templates)})
    assert text_of(message).rstrip("\n") == f"Workflows: Your job has completed {job.url} none"
    assert "Download the result" in html_of(message)  # ours still


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{{ mail.link", "in line 1"),
        ("{{ mail.link }}\n{{ mail.nothing }}", "in line 2"),
        ("{{ mail.link }}{{ mail.__class__.__mro__ }}", "unsafe"),
        ("{{ mail.link }}{% for x in range(10**9) %}{% endfor %}", "Range too big"),
        ("no link", "leaves out the link"),
        ("{% include '/etc/passwd' %}{{ mail.link }}", "TemplateNotFound"),
    ],
)
def test_a_template_that_fails_is_said_before_anything_is_computed(mail, templates, written, said):
    (templates / "mail.html").write_text(written)
    session = mail.session("smtp://localhost", templates=str(templates))
    with pytest.raises(Refused, match=r"plugins\.email\.templates") as caught:
        session.compute(lambda: pytest.fail("computed"), destination="email")
    assert said in str(caught.value)
    assert "mail.html" in str(caught.value)


def test_a_folder_without_templates_is_a_mistake(mail, templates):
    session = mail.session("smtp://localhost", templates=str(templates))
    with pytest.raises(Refused, match="has neither of the templates"):
        session.plan(2, destination="email")


# -- files ----------------------------------------------------------------------------------------------------------


def test_files_are_for_their_owner_only_and_the_same_at_every_try(outbox, tmp_path):
    job, messages = outbox(to=["a@example.org", "b@example.org"])
    reported = job.receipt.detail
    assert reported["via"] == "files"
    assert [message["Message-ID"] for message in messages] == [each["message_id"] for each in reported["messages"]]
    for each in reported["messages"]:
        assert stat.S_IMODE(Path(each["written_to"]).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "outbox").stat().st_mode) == 0o700


def test_a_cancelled_job_leaves_no_file(mail, tmp_path):
    folder = tmp_path / "outbox"
    folder.write_text("no folder")
    session = mail.session(f"file://{folder}")
    job = mail.send(session)
    assert job.stage == "SAVING"
    folder.unlink()
    job.cancel()
    session.engine.drain()
    assert job.refresh().stage == "CANCELLED"
    assert not folder.exists()


def test_a_forked_child_uses_connections_of_its_own(mail, flaky):
    session = mail.session(flaky.url)
    mail.send(session)
    pid = os.fork()
    if pid == 0:
        try:
            mail.send(session, to="child@example.org")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    mail.send(session, to="parent@example.org")
    assert [kept.recipients[0] for kept in flaky.kept] == ["me@example.org", "child@example.org", "parent@example.org"]
    assert flaky.connections == 2
