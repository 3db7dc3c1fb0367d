"""What a product is: its bands, and who may do what; checked at birth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

import attrs
from bourn.plugin import Problem, RequestError, normalize, option, read, write

from bourn_catalog.errors import CatalogError
from bourn_catalog.model.bands import Band, ClassBand, GenericBand, MaskBand, MicrowaveBand, SpectralBand
from bourn_catalog.names import product_id_fault

if TYPE_CHECKING:
    from datetime import datetime

    from bourn_catalog.records.rows import ProductRow

__all__ = ["BANDS", "Definition"]

BANDS: Mapping[str, type[Band]] = {
    cls.type: cls for cls in (SpectralBand, MicrowaveBand, ClassBand, GenericBand, MaskBand)
}
"""The classes of bands by the name that a document gives them in ``type``."""

_FACTS = frozenset(field.name for cls in BANDS.values() for field in attrs.fields(cls))

MOST_BANDS = 12
"""How many a repr names."""


def _principal_fault(name: str) -> str | None:
    return (
        None if name and name.isprintable() and name == name.strip() else f"expected a principal's name, got {name!r}"
    )


@attrs.frozen(kw_only=True, repr=False)
class Definition:
    """What a product is; `Product` is one that can be saved.

    Parameters
    ----------
    id : str
        Such as ``org:ndvi``: letters, digits, ``.``, ``_``, ``-`` and ``:``.
    name : str, optional
        For people; by default the id.
    bands : sequence of bands
        In the order in which they are stored.
    description : str, optional
    owners, writers, readers : sequence of str, optional
        Principals: owners may do everything, writers add and delete images, readers look; ``*`` is everybody. Without
        owners the first to save it becomes its owner.

    Raises
    ------
    RequestError
        With everything that is wrong, each with its path (``bands[1].nodata``).

    Examples
    --------
    >>> Definition(id="org:ndvi", bands=[GenericBand(name="ndvi", data_type="Int16", nodata=-32768)])
    Product: org:ndvi
      bands: ndvi (Int16, nodata -32768)
    """

    id: str = option(help="Its id, such as `org:ndvi`.", check=product_id_fault)
    name: str = option(default="", max_length=255, help="For people; by default the id.")
    bands: Sequence[Band] = option(min_length=1, max_length=10_000, help="In the order in which they are stored.")
    description: str = option(default="", max_length=10_000, help="For people.")
    owners: Sequence[str] = option(default=(), max_length=1000, check=_principal_fault, help="May do everything.")
    writers: Sequence[str] = option(
        default=(), max_length=1000, check=_principal_fault, help="May add and delete images; `*` is everybody."
    )
    readers: Sequence[str] = option(
        default=(), max_length=1000, check=_principal_fault, help="May look; `*` is everybody."
    )
    _row: Any = attrs.field(default=None, init=False, eq=False)  # a ProductRow or None; types here are read at run time

    def __attrs_post_init__(self) -> None:
        of_bands: list[Problem] = []
        object.__setattr__(self, "bands", _bands(self.bands, of_bands))
        problems = [problem for problem in normalize(self) if not (of_bands and problem.path.startswith("bands"))]
        problems += of_bands or _faults(self.bands)
        if problems:
            raise RequestError(problems, about="the product")
        if not self.name:
            object.__setattr__(self, "name", self.id)

    @classmethod
    def from_mapping(cls, document: Mapping[str, Any]) -> Self:
        """The product that a document describes: its fields, with each band's class as ``type``.

        Raises
        ------
        RequestError
            With everything that is wrong.

        Examples
        --------
        >>> Definition.from_mapping({"id": "p", "bands": [{"type": "mask", "name": "cloud", "data_type": "uint8"}]})
        Product: p
          bands: cloud (Byte)
        """
        of_bands: list[Problem] = []
        given = dict(document)
        if "bands" in given:
            given["bands"] = _bands(given["bands"], of_bands)
        product, problems = read(cls, given, at="")
        problems = [problem for problem in problems if not (of_bands and problem.path.startswith("bands"))]
        if of_bands or not isinstance(product, cls):
            raise RequestError([*problems, *of_bands], about="the product")
        return product

    def as_mapping(self) -> dict[str, Any]:
        """As JSON; `from_mapping` takes it back."""
        return {**write(self), "bands": [{"type": band.type, **write(band)} for band in self.bands]}

    @classmethod
    def from_row(cls, row: ProductRow) -> Self:
        """The product that the catalog keeps.

        Raises
        ------
        CatalogError
            Another version of the catalog has kept it, in a form that this one can't read.
        """
        try:
            product = cls.from_mapping(row.document)
        except RequestError as error:
            msg = f"the product {row.id!r} is kept in a form that this version can't read: {error}"
            raise CatalogError(msg) from error
        object.__setattr__(product, "_row", row)
        return product

    # -- what it says ---------------------------------------------------------------------------------------------

    @property
    def created(self) -> datetime | None:
        """When it was first saved; None before."""
        return None if self._row is None else self._row.created_at

    @property
    def updated(self) -> datetime | None:
        """When it was last saved; None before."""
        return None if self._row is None else self._row.updated_at

    @property
    def revision(self) -> int | None:
        """How often it was saved; None before."""
        return None if self._row is None else self._row.revision

    @property
    def alphas(self) -> tuple[MaskBand, ...]:
        """Its alpha bands; pixels are only made for it where there is exactly one."""
        return tuple(band for band in self.bands if isinstance(band, MaskBand) and band.is_alpha)

    def band(self, name: str) -> Band:
        """The band of that name; KeyError if there is none."""
        return {band.name: band for band in self.bands}[name]

    def __repr__(self) -> str:
        summaries = ", ".join(_summary(band) for band in self.bands[:MOST_BANDS])
        more = f", ... ({len(self.bands)} in all)" if len(self.bands) > MOST_BANDS else ""
        lines = [f"Product: {self.id}", *([f"  name: {self.name}"] if self.name != self.id else [])]
        return "\n".join([*lines, f"  bands: {summaries}{more}"])


def _bands(given: Any, problems: list[Problem]) -> Any:
    """Bands as objects, of mappings with a ``type`` too; what is wrong with each is added to `problems`."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        return given
    made = []
    for index, item in enumerate(given):
        at = f"bands[{index}]"
        if isinstance(item, Mapping):
            band = _band(item, at, problems)
            if band is not None:
                made.append(band)
        elif type(item) not in BANDS.values():  # a class of somebody's own could not be loaded again
            problems.append(Problem(at, f"expected a band, one of {_classes()}; got {type(item).__name__}"))
        else:
            made.append(item)
    return tuple(made)


def _band(item: Mapping[str, Any], at: str, problems: list[Problem]) -> Band | None:
    given: dict[Any, Any] = dict(item)
    name = given.pop("type", None)
    strange = [key for key in given if isinstance(key, str) and key not in _FACTS]
    if "type" not in item and (misspelt := get_close_matches("type", strange, n=1)):
        problems.append(Problem(f"{at}.{misspelt[0]}", "unknown option; did you mean 'type'?"))
        name = given.pop(misspelt[0])
    if isinstance(name, str) and name.lower() in BANDS:
        band, found = read(BANDS[name.lower()], given, at=at)
        problems += found
        return band if isinstance(band, Band) else None
    near = get_close_matches(name.lower(), BANDS, n=1) if isinstance(name, str) else []
    said = "is required" if name is None else f"no kind of band is called {name!r}"
    meant = f"; did you mean {near[0]!r}?" if near else ";"
    problems.append(Problem(f"{at}.type", f"{said}{meant} one of {', '.join(sorted(BANDS))}"))
    # Of which kind it was meant to be nobody knows: what is wrong with it as the kind that it fits best.
    fewest: list[Problem] = min((read(cls, given, at=at)[1] for cls in BANDS.values()), key=len)
    problems += fewest
    return None


def _faults(bands: Any) -> Iterator[Problem]:
    """What is wrong with the bands together."""
    seen: dict[str, int] = {}
    bands = bands if isinstance(bands, tuple) else ()
    alphas = [band for band in bands if band.is_alpha]
    for index, band in enumerate(bands):
        if band.name in seen:
            yield Problem(f"bands[{index}].name", f"bands[{seen[band.name]}] is called {band.name!r}, too")
        seen.setdefault(band.name, index)
        for alpha in alphas:
            if band is not alpha and band.nodata is not None and band.nodata == alpha.opaque:
                # A file has one nodata value for all its bands, the alpha among them.
                yield Problem(f"bands[{index}].nodata", f"{band.nodata} is what opaque pixels of {alpha.name!r} have")


def _classes() -> str:
    return ", ".join(cls.__name__ for cls in BANDS.values())


def _summary(band: Band) -> str:
    nodata = "" if band.nodata is None else f", nodata {band.nodata}"
    return f"{band.name} ({band.data_type}{nodata}{', alpha' if band.is_alpha else ''})"
