"""The formats png, jpeg and webp: a quick look at an image.

The picture is at most ``size`` pixels wide and high, each of its pixels a pixel of the image (the nearest one, so that
classes stay classes). Of a file only these pixels are read, from the smallest overview that has enough of them. Lazy
arrays are computed one chunk at a time, and only the chunks that the picture needs.

Three bands are shown as red, green and blue, one band by a colormap. A band of classes with colors in
``properties["colormap"]`` (``[red, green, blue]`` for each value from 0 on) has these. Other bands are stretched: the
values between two percentiles, or within ``range``, become 0 to 255; what lies outside is shown as the nearer end.
A pixel that is masked in any of the bands, and a NaN, is transparent; in a JPEG it has the background color.

The report has ``size``, ``bands``, ``range`` (what was shown as darkest and brightest, by band), ``clipped`` (valid
pixels outside of it, by band) and ``masked`` (pixels of the picture). A picture has no CRS and no transform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bourn.plugin import Example, Format, Note, Problem, ResultInfo, Sink

from bourn_pictures.options import JPEGOptions, PictureOptions, PNGOptions, WebPOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["JPEG", "PNG", "WebP"]

BAND_COUNTS = (0, 1, 3)


class _Picture(Format[PictureOptions]):
    """What the three formats have in common."""

    kinds = ("image",)
    lazy = True
    driver: ClassVar[str]

    def preflight(self, options: PictureOptions, info: ResultInfo) -> Iterable[Problem | Note]:
        """Check bands, stretch and colormap against each other and against the image."""
        if len(options.bands) not in BAND_COUNTS:
            yield Problem("bands", f"expected one band or three, got {len(options.bands)}")
        missing = [name for name in options.bands if info.bands is not None and name not in info.bands]
        if missing:
            known = ", ".join(map(repr, info.bands or ()))
            yield Problem("bands", f"the image has no band {', '.join(map(repr, missing))}; it has {known}")
        for name in ("percentiles", "range"):
            ends = getattr(options, name)
            if ends is not None and not ends[0] < ends[1]:
                yield Problem(name, f"expected the lower end first, got {ends}")
        if len(options.bands) == BAND_COUNTS[-1] and options.colormap != "grey":
            yield Problem("colormap", f"{options.colormap} is for one band; three bands are red, green and blue")
        if "complex" in (info.dtype or ""):
            yield Problem("", f"a picture of {info.dtype} needs real numbers, such as the magnitude")
        if info.grid is not None and info.grid.crs is not None:
            yield Note("a picture has no CRS and no transform; geotiff keeps both")

    def encode(self, result: Any, options: PictureOptions, sink: Sink) -> Mapping[str, Any]:
        """Read the pixels of the picture, stretch and write them."""
        from bourn.plugin import as_image  # numpy: 0.1 s

        from bourn_pictures.picture import draw  # numpy: 0.1 s
        from bourn_pictures.writer import write  # rasterio: 0.3 s

        picture = draw(as_image(result), options)
        write(picture, self.driver, options, sink)
        return picture.report


class PNG(_Picture):
    """A quick look at an image, without loss of colors.

    Values are stretched between percentiles or within a range; masked pixels are transparent.
    """

    Options = PNGOptions
    driver = "PNG"
    media_type, suffix = "image/png", ".png"
    examples = (
        Example("A quick look.", format="png"),
        Example("An index in colors.", format={"type": "png", "colormap": "rdylgn", "range": [-0.2, 0.9]}),
    )


class JPEG(_Picture):
    """A quick look at an image, small.

    Values are stretched between percentiles or within a range; masked pixels have the background color.
    """

    Options = JPEGOptions
    driver = "JPEG"
    media_type, suffix = "image/jpeg", ".jpg"
    examples = (
        Example("A small quick look.", format="jpeg"),
        Example("Smaller.", format={"type": "jpeg", "quality": 60, "size": 512}),
    )


class WebP(_Picture):
    """A quick look at an image, small, for browsers.

    Values are stretched between percentiles or within a range; masked pixels are transparent.
    """

    Options = WebPOptions
    driver = "WEBP"
    media_type, suffix = "image/webp", ".webp"
    examples = (
        Example("A small quick look with transparency.", format="webp"),
        Example("With exact colors.", format={"type": "webp", "lossless": True}),
    )
