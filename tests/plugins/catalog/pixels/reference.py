"""The rules of a product's pixels once more, pixel by pixel in exact fractions: what the fast way is held against."""

import math
from fractions import Fraction

import attrs
import numpy as np

DTYPES = ("uint8", "uint16", "int16", "uint32", "int32", "float32", "float64")
"""All that a product's bands can be of."""


def stored(value, dtype):
    """(what is stored of an exact value, whether it was beyond the dtype's limits)."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        whole = round(value)  # a Fraction: half to even
        return min(max(whole, int(limits.min)), int(limits.max)), not limits.min <= whole <= limits.max
    most = Fraction(float(np.finfo(dtype).max))
    # IEEE 754: from half a step beyond the largest number on, the nearest one is infinite.
    step = Fraction(float(np.finfo(dtype).max)) - Fraction(float(np.nextafter(np.finfo(dtype).max, dtype.type(0))))
    if abs(value) >= most + step / 2:
        return float(most if value > 0 else -most), True
    if abs(value) > most:
        return float(most if value > 0 else -most), False
    if dtype.itemsize == 8:
        return float(value), False  # Python rounds a Fraction rightly
    with np.errstate(over="ignore", under="ignore"):
        near = dtype.type(float(value))
        near = min(max(near, np.finfo(dtype).min), np.finfo(dtype).max)
        around = [np.nextafter(near, dtype.type(-np.inf)), near, np.nextafter(near, dtype.type(np.inf))]
    around = [number for number in around if np.isfinite(number)]
    best = min(abs(Fraction(float(number)) - value) for number in around)
    nearest = [number for number in around if abs(Fraction(float(number)) - value) == best]
    even = [number for number in nearest if not int(number.view("u4")) & 1]
    return float((even or nearest)[0]), False


@attrs.frozen
class Pixel:
    """One pixel of one band: exact, or why there is none."""

    value: object = None
    low: object = None
    high: object = None
    clipped: tuple = (0, 0)
    fraction: tuple = (0, 0)
    outside: int = 0
    nan: int = 0
    infinite: int = 0

    @property
    def invalid(self):
        return self.value is None


def pixel(x, masked, rule, *, rescale, slack):
    """What becomes of one number of a band that goes to `rule`."""
    if masked:
        return Pixel()
    if math.isnan(x):
        return Pixel(nan=1)
    if math.isinf(x):
        return Pixel(infinite=1)
    value = Fraction(x)
    tolerance, room, outside = Fraction(0), Fraction(0), 0
    rescaled = rescale and rule.rescales
    if rescaled:
        (d0, d1), (p0, p1) = ([Fraction(end) for end in ends] for ends in (rule.data_range, rule.physical_range))
        slope = (d1 - d0) / (p1 - p0)
        outside = int(not min(p0, p1) <= value <= max(p0, p1))
        # PROMISES 16: float64 can't do better.
        tolerance = Fraction(2) ** -48 * (abs(value * slope) + abs(p0 * slope) + abs(d0) + 1)
        value = d0 + (value - p0) * slope
        # A rescaled value is whole if it is so to the precision of what it was made of.
        room = Fraction(slack) * (abs(value) + abs(p0 * slope) + 2 * abs(d0) + 1)
    ends = [stored(value + shift, rule.dtype) for shift in (-tolerance, tolerance)]
    fraction = (0, 0)
    if rule.dtype.kind in "iu" and (rescaled or isinstance(x, float)):
        away = abs(value - round(value))
        fraction = int(away > room + 2 * tolerance), int(away > room - 2 * tolerance if rescaled else away > 0)
    return Pixel(
        value=value, low=ends[0][0], high=ends[1][0], fraction=fraction, outside=outside,
        clipped=tuple(sorted(int(beyond) for _, beyond in ends)) if tolerance else (int(ends[0][1]),) * 2,
    )  # fmt: skip


def slack_of(dtype):
    return max(2.0**-48, float(np.finfo(dtype).eps)) if dtype.kind == "f" else 2.0**-48


def check(image, rules, sources, made, report, *, rescale):  # noqa: C901, PLR0912, PLR0915  # the rules, one after the other
    """Hold what was made of an image against the rules; gives the number of pixels that were looked at.

    Parameters
    ----------
    image : Image
        In memory.
    rules, sources
        The product's bands, and for each the image's, or None.
    made : Image
        In memory, too.
    report : mapping
    """
    height, width = image.shape[1:]
    masked = None if image.mask is None else np.broadcast_to(image.mask, image.shape)
    alpha = next((index for index, rule in enumerate(rules) if rule.is_alpha), None)
    nodatas = [rule.nodata for rule in rules if not rule.is_alpha]
    file_nodata = nodatas[0] if all(str(value) == str(nodatas[0]) for value in nodatas) else None
    counts = {
        kind: {rule.name: [0, 0] for rule in rules}
        for kind in ("clipped", "infinite", "nodata_clash", "hidden", "nan", "outside_range", "translucent")
    }
    fractions = {rule.name: [0, 0] for rule in rules}
    valid_values = {rule.name: [] for rule in rules}

    def count(kind, rule, low, high=None):
        counts[kind][rule.name][0] += low
        counts[kind][rule.name][1] += low if high is None else high

    for y in range(height):
        for x in range(width):
            pixels = []
            for index, (rule, source) in enumerate(zip(rules, sources, strict=True)):
                if source is None:
                    pixels.append(None)
                    continue
                layer = image.band(image.bands[source])
                number = layer[y, x].item()
                off = bool(masked[source, y, x]) if masked is not None else False
                nodata = image.nodata[source]
                if masked is None and nodata is not None and number == nodata:
                    off = True
                found = pixel(number, off, rule, rescale=rescale, slack=slack_of(layer.dtype))
                pixels.append(found)
                count("nan", rule, found.nan)
                count("infinite", rule, found.infinite)
                if found.invalid:
                    if index != alpha:
                        got = made.array[index, y, x]
                        want = rule.nodata
                        if want is None:
                            want = float("nan") if rule.dtype.kind == "f" else 0
                        assert got == want or (math.isnan(got) and math.isnan(want)), (rule, number, got)
                    continue
                count("clipped", rule, *found.clipped)
                count("outside_range", rule, found.outside)
                fractions[rule.name][0] += found.fraction[0]
                fractions[rule.name][1] += found.fraction[1]
                if index == alpha:
                    continue
                got = made.array[index, y, x].item()
                assert found.low <= got <= found.high, (rule, number, got, found)
                valid_values[rule.name].append(got)
                if rule.nodata is not None and got == rule.nodata:
                    count("nodata_clash", rule, 1)
            if alpha is not None:
                _check_alpha(rules, alpha, pixels, made, (y, x), image, sources, file_nodata, count, valid_values)
    for rule in rules:
        for kind, by_band in counts.items():
            low, high = by_band[rule.name]
            section = "lost" if kind in ("clipped", "infinite", "nodata_clash", "hidden") else "counted"
            got = report[section].get(kind, {}).get(rule.name, 0)
            assert low <= got <= high, (kind, rule, got, low, high)
        collapsed = report["lost"].get("collapsed", {}).get(rule.name, 0)
        low, high = fractions[rule.name]
        values = valid_values[rule.name]
        if values and max(values) - min(values) >= 10:
            low = high = 0
        if rule.dtype.kind == "f":
            low = high = 0
        assert low <= collapsed <= high, (rule, collapsed, low, high)
        if not rule.is_alpha:
            assert report["valid"][rule.name] == len(values)
    return height * width * len(rules)


def _check_alpha(  # noqa: PLR0913, PLR0917  # what `check` knows
    rules, alpha, pixels, made, place, image, sources, file_nodata, count, valid_values
):
    y, x = place
    rule = rules[alpha]
    others = [found for index, found in enumerate(pixels) if index != alpha]
    invalid = [found.invalid for found in others]
    transparent = all(invalid) if file_nodata is not None else any(invalid)
    got = made.array[alpha, y, x].item()
    own = pixels[alpha]
    hiding = transparent
    if own is None:
        assert got == (0 if transparent else rule.opaque), (got, invalid)
    elif own.invalid:
        assert got == 0
        hiding = True
    else:
        is_bool = image.dtypes[sources[alpha]].kind == "b"
        ends = [rule.opaque if is_bool and end else min(max(end, 0), rule.opaque) for end in (own.low, own.high)]
        valid_values[rule.name].append(own.low)
        if ends[1] == 0:
            hiding = False
        if transparent:
            assert got == 0
        else:
            assert ends[0] <= got <= ends[1], (got, ends)
            if not is_bool and 0 < got < rule.opaque:
                count("translucent", rule, 1)
    for index, found in enumerate(pixels):
        if index != alpha and hiding and not found.invalid:
            count("hidden", rules[index], 1)
    if file_nodata is None:
        assert bool(made.mask[y, x]) == (got == 0)
    else:
        assert made.mask is None
