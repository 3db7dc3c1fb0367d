"""How a message looks in a browser: in a narrow and a wide window, light and dark, whatever is in it.

``BOURN_SHOTS=FOLDER`` keeps pictures of all of them, for people to look at.
"""

import base64
import email
import email.policy
import html
import json
import os
import re
import subprocess
from pathlib import Path

import bourn
import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from programs import require

pytestmark = pytest.mark.slow

NARROW, WIDE = 360, 1200
LOOKS = [(width, scheme) for width in (NARROW, WIDE) for scheme in ("light", "dark")]
HEIGHT = 1600

SHOTS = os.environ.get("BOURN_SHOTS")

MEASURE = """<script>
addEventListener("load", () => {
  const reported = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, picture = page.querySelector("img"), card = page.querySelector(".card");
    return {
      beyond: page.documentElement.scrollWidth - frame.clientWidth,
      height: card.offsetHeight,
      picture: picture && picture.naturalWidth ? [picture.offsetWidth, picture.offsetHeight] : null,
      paper: getComputedStyle(card).backgroundColor,
      ink: [...new Set([...card.querySelectorAll(".text, .value")].map(each => getComputedStyle(each).color))],
    };
  });
  document.title = JSON.stringify(reported);
});
</script>"""


def image(height, width, bands=("b",)):
    grid = GeoBox((height, width), Affine(10, 0, 500_000, 0, -10, 4_000_000), "EPSG:32613")
    pixels = np.arange(len(bands) * height * width, dtype="uint32").reshape(len(bands), height, width)
    return bourn.Image(pixels, bands=list(bands), geobox=grid)


LONG = {"body": "Averylongword" * 40 + "\n\nhttps://example.org/" + "a" * 300, "subject": "x" * 800}

MESSAGES = {
    "number": (2, "json", {}),
    "scene": (None, "geotiff", {"body": "Dear all,\n\nhere is the composite of June.\nAnna"}),
    "tall": (image(3000, 200), "geotiff", {}),
    "flat": (image(200, 3000), "geotiff", {}),
    "few pixels": (image(2, 2, ("red", "green", "blue")), "geotiff", {}),
    "long": (image(40, 50, [f"reflectance_{n}_{'of_a_band_' * 9}" for n in range(30)]), "geotiff", LONG),
}


@pytest.fixture(scope="module", params=MESSAGES)
def looks(request, tmp_path_factory):
    """What the browser made of a message: by width and scheme, with the message's name."""
    from bourn.testing import session_with
    from bourn_email.plugin import Email

    obj, written, options = MESSAGES[request.param]
    if obj is None:
        from bourn.cli.demo.scene import scene

        obj = scene()
    folder = tmp_path_factory.mktemp("looks")
    settings = {"plugins": {"email": {"url": f"file://{folder}/outbox"}}}
    with session_with(destinations={"email": Email}, settings=settings) as session:
        asked = {"type": "email", "to": "me@example.org", **options}
        job = session.compute(obj, destination=asked, format=written, block=False).wait()
        (path,) = map(Path, (reported["written_to"] for reported in job.receipt.detail["messages"]))
    page = page_of(path)
    reported = json.loads(html.unescape(re.search("<title>(.*?)</title>", seen(page, folder, "--dump-dom"))[1]))
    if SHOTS:
        shots = Path(SHOTS).absolute()
        shots.mkdir(exist_ok=True, parents=True)
        seen(page, folder, f"--screenshot={shots / request.param.replace(' ', '-')}.png")
    return request.param, dict(zip(LOOKS, reported, strict=True))


def page_of(path):
    """The HTML of a message with its picture in it, as mail programs show it."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    said = message.get_body(("html",)).get_content()
    for part in message.walk():
        if part.get_content_maintype() == "image":
            data = base64.b64encode(part.get_content()).decode()
            said = said.replace("cid:picture@bourn", f"data:{part.get_content_type()};base64,{data}")
    return said


def seen(said, folder, task):
    # In frames: a window of Chromium is never as narrow as a telephone. A frame's scheme is that of its element.
    frames = "".join(
        f'<iframe style="border:0; width:{width}px; height:{HEIGHT}px; color-scheme:{scheme}" '
        f'srcdoc="{html.escape(said)}"></iframe>'
        for width, scheme in LOOKS
    )
    page = folder / "looks.html"
    page.write_text(f'<!doctype html><title></title><body style="margin:0; white-space:nowrap">{frames}{MEASURE}')
    done = subprocess.run(
        [require("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--hide-scrollbars",
         f"--window-size={2 * (NARROW + WIDE)},{HEIGHT}", "--virtual-time-budget=2000",
         f"--user-data-dir={folder / 'profile'}", task, page.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout


def test_nothing_runs_over_the_edge(looks):
    name, reported = looks
    assert dict.fromkeys(LOOKS, 0) == {look: max(0, each["beyond"]) for look, each in reported.items()}, name


def test_the_link_is_not_far_down(looks):
    """Of a picture as much is shown as leaves the button in sight; of names as much as one reads."""
    name, reported = looks
    for (width, _), each in reported.items():
        assert each["height"] < {NARROW: 1600, WIDE: 1300}[width], name
        if each["picture"]:
            assert each["picture"][0] <= 360, name
            assert 10 <= each["picture"][1] <= 240, name
    assert (reported[NARROW, "light"]["picture"] is None) == (name == "number")


def test_it_is_dark_where_the_reader_is(looks):
    name, reported = looks
    for (_, scheme), each in reported.items():
        paper, ink = brightness(each["paper"]), [brightness(colour) for colour in each["ink"]]
        assert (paper > 200) == (scheme == "light"), name
        assert ink, name
        assert all(abs(paper - one) > 150 for one in ink), name


def brightness(colour):
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3
