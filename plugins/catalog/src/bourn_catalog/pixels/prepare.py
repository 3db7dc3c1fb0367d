"""An image as a product stores it: in its order of bands, rescaled, converted, filled, with its alpha; lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from bourn.plugin import Image, Note, Problem, ResultInfo, ResultRefused

from bourn_catalog.pixels.band_spec import nodata_of_file
from bourn_catalog.pixels.check import order_of, problems
from bourn_catalog.pixels.pipeline import ConversionPlan, Pipeline
from bourn_catalog.pixels.report import refusal, reported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bourn_catalog.pixels.band_spec import BandSpec

__all__ = ["prepare"]


def prepare(
    image: Image,
    specs: Sequence[BandSpec],
    *,
    rescale: bool,
    change_dtype: bool,
    on_loss: Literal["warn", "error"] = "warn",
    facts: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Image:
    """`image` as the bands of a product, changed while it is read, in one pass and a few rows at a time.

    What is read is the same for every size of blocks, from numpy and dask. The ``report`` of the image that is given
    back is filled while its strips are read, anew each time: see `reported`.

    Parameters
    ----------
    image : Image
    specs : sequence of BandSpec
        The product's bands, in its order.
    rescale, change_dtype : bool
        Whether values may be rescaled from physical to data range, and converted to the product's dtype.
    on_loss : "warn" or "error"
        Whether the last strip is refused if anything was lost.
    facts : mapping, optional
        What the report says besides.
    notes : sequence of str
        The first of its notes.

    Raises
    ------
    ResultRefused
        The image does not fit the product; with every problem.
    """
    info = _info(image)
    found = list(problems(info, specs, rescale=rescale, change_dtype=change_dtype))
    faults = [answer for answer in found if isinstance(answer, Problem)]
    if faults:
        raise ResultRefused(
            "\n".join(f"{fault.path}: {fault.message}" if fault.path else fault.message for fault in faults)
        )
    plan = ConversionPlan(
        specs=specs, sources=order_of(info, specs).sources, dtypes=image.dtypes, rescale=rescale,
        # A mask is the whole truth; without one the values that mean no data are.
        nodata=(None,) * len(image.bands) if image.masked else image.nodata,
    )  # fmt: skip
    height, width = image.shape[1:]
    all_notes = [*notes, *(answer.message for answer in found if isinstance(answer, Note))]
    report: dict[str, Any] = dict(facts or {})

    def reading() -> Callable[[Any], tuple[Any, Any]]:
        pipeline = Pipeline(plan, width)
        report.clear()
        report.update(facts or {})

        def read(strip: Any) -> tuple[Any, Any]:
            converted = pipeline.convert_block(strip.pixels, strip.mask)
            report.update(reported(specs, pipeline.counts, all_notes))
            if strip.stop == height and on_loss == "error" and (message := refusal(report)):
                raise ResultRefused(message)
            return converted

        return read

    return image.changed(
        lambda pixels, mask: Pipeline(plan, pixels[0].shape[1]).convert_block(pixels, mask),
        dtypes=[specs[0].dtype] * len(specs),
        mask_ndim=2 if plan.masks_file else 0,
        bands=[spec.name for spec in specs],
        bandinfo={spec.name: _facts(spec, image, source, nodata_of_file(specs))
                  for spec, source in zip(specs, plan.sources, strict=True)},
        reading=reading,
        report=report,
    )  # fmt: skip


def _info(image: Image) -> ResultInfo:
    return ResultInfo(
        kinds=("image",), dtypes=tuple(dtype.name for dtype in image.dtypes), bands=image.bands, shape=image.shape,
        bandinfo={name: dict(facts) for name, facts in image.bandinfo.items()},
    )  # fmt: skip


def _facts(spec: BandSpec, image: Image, source: int | None, nodata: float | None) -> dict[str, Any]:
    """What the file says of a band: the product's facts, and the image's own words where it has none."""
    facts: dict[str, Any] = {"kind": "mask" if spec.is_alpha else spec.kind}
    given = {} if source is None else image.bandinfo[image.bands[source]]
    for key, own in (("unit", spec.unit), ("description", spec.description)):
        if text := own or given.get(key):
            facts[key] = text
    if spec.is_alpha:
        return {**facts, "opaque": 1 if spec.opaque is None else spec.opaque}
    if nodata is not None:
        facts["nodata"] = nodata
    if spec.scale is not None:
        facts |= {"scale": spec.scale, "offset": spec.offset}
    return facts
