"""Looking at a result: its kind and what else is known of it without computing anything."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import attrs

from bourn.errors import Problem, RequestError, RequestTypeError
from bourn.nested import Part, walk
from bourn.results.call_arguments import argument_problems
from bourn.results.info import ResultInfo
from bourn.results.kinds import (
    CONTAINERS,
    SCALARS,
    is_dask_collection,
    is_record_class,
    kinds_of_type,
    plain_form,
    type_name,
)
from bourn.results.rebuild import rebuilt
from bourn.results.unsupported import SENDABLE, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Found", "inspect"]

MOST_PROBLEMS = 20
"""Of one kind of fault a person reads the first few."""


@attrs.frozen
class Found:
    """A result and what is known of it.

    Attributes
    ----------
    obj : object
        The result as it was given, or what an adapter made of it.
    info : ResultInfo
    """

    obj: Any
    info: ResultInfo


_PLAIN = {cls: ResultInfo(kinds=("value",), type_name=type_name(cls)) for cls in SCALARS}


def inspect(
    obj: object,
    *,
    arguments: Mapping[str, Any] | None = None,
    adapt: Callable[[object], object | None] | None = None,
) -> Found:
    """What is known of `obj` without computing, iterating, importing or asking it anything but its type.

    Parameters
    ----------
    obj : object
        A result, or something that gives one: a dask collection or a callable.
    arguments : mapping, optional
        Keywords for `obj` if it is callable.
    adapt : callable, optional
        Makes of an object of an unknown type one that can be sent, or gives None; asked before it is refused.

    Raises
    ------
    RequestTypeError
        Nothing of this type can be sent.
    RequestError
        Parts of it can't be, or the arguments are not those that it takes; with every problem at once.

    Examples
    --------
    >>> inspect([1, 2]).info.kinds
    ('value',)
    """
    plain = _PLAIN.get(type(obj))
    if plain is not None and not arguments:
        return Found(obj, plain)
    found = _adapted(obj, adapt)
    if found is None:
        msg = f"{refusal(obj)}. {SENDABLE}."
        raise RequestTypeError(msg)
    if type(found) in CONTAINERS:
        other_keys: list[Part] = []
        classes: dict[type, str] = {}
        found, lazy, problems = _inside(found, adapt, other_keys, classes)
        other_key = other_keys[0].path if other_keys else None
        info = ResultInfo(kinds=("value",), type_name=type(found).__name__, lazy=lazy, other_key=other_key)
        info = attrs.evolve(info, user_classes=_user_classes(classes))
    else:
        info, problems = _described(found)
        info = attrs.evolve(info, user_classes=_user_classes({type(found): "result"}))
    takes = is_callable_result(found)
    problems = [*argument_problems(found if takes else None, arguments or {}), *problems]
    if problems:
        raise RequestError(problems, about="the result")
    return Found(found, info)


def is_callable_result(obj: object) -> bool:
    """Whether `obj` gives a result when it is called; dask is asked first, since a Delayed is callable too.

    Here and below classes are asked with ``type``: `isinstance` would ask the object for its ``__class__``.
    """
    if kinds_of_type(type(obj)) is not None or is_dask_collection(obj):
        return False
    return callable(obj) and not issubclass(type(obj), type)


def _sendable(obj: object) -> bool:
    return kinds_of_type(type(obj)) is not None or is_dask_collection(obj) or is_callable_result(obj)


def _adapted(obj: object, adapt: Callable[[object], object | None] | None) -> Any:
    """`obj` if it can be sent, else what `adapt` makes of it, else None."""
    known = _sendable(obj)
    if obj is None or (known and not is_record_class(type(obj))):
        return obj
    made = None if adapt is None or issubclass(type(obj), type) else adapt(obj)
    if made is not None and _sendable(made):
        return made
    return obj if known else None


def _user_classes(classes: Mapping[type, str]) -> tuple[tuple[str, str, str], ...]:
    found = ((path, type_name(cls), plain_form(cls)) for cls, path in classes.items())
    return tuple((path, name, hint) for path, name, hint in found if hint is not None)


def _described(obj: Any) -> tuple[ResultInfo, list[Problem]]:
    fault = _unfit(obj)
    return (_known(obj), []) if fault is None else (ResultInfo(), [Problem("result", fault)])


def _inside(
    obj: Any,
    adapt: Callable[[object], object | None] | None,
    other_keys: list[Part],
    classes: dict[type, str],
) -> tuple[Any, bool, list[Problem]]:
    """(`obj` with what was adapted in it, whether there is anything lazy inside, what can't be sent)."""
    lazy = False
    problems: list[Problem] = []
    adapted: dict[int, Any] = {}
    for part in walk(obj, other_keys):
        value: Any = part.value
        fault = part.problem
        cls = type(value)
        unknown = kinds_of_type(cls) is None and not is_dask_collection(value)
        if fault is None and (unknown or is_record_class(cls)):
            # Callables inside a container are not results: only the whole is called.
            made = None if callable(value) else _adapted(value, adapt)
            if made is None:
                fault = refusal(value)
            else:
                if made is not value:
                    adapted[id(value)] = value = made
                classes.setdefault(type(value), part.path)
        elif fault is None and cls not in classes:
            classes[cls] = part.path
        if fault is None:
            fault = _unfit(value)
            lazy = lazy or is_dask_collection(value) or _is_lazy_image(value)
        if fault is not None:
            problems.append(Problem(part.path, fault))
            if len(problems) == MOST_PROBLEMS:
                problems.append(Problem("result", "there may be more"))
                break
    return (rebuilt(obj, adapted) if adapted else obj), lazy, problems


def _is_lazy_image(value: Any) -> bool:
    module = sys.modules.get("bourn.image.image")
    return module is not None and issubclass(type(value), module.Image) and bool(value.lazy)


def _unfit(obj: Any) -> str | None:
    """Why an object of a known class can't be sent all the same."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    cls = type(obj)
    if obj is numpy.ma.masked:
        return None
    if issubclass(cls, numpy.ndarray) and cls not in {numpy.ndarray, numpy.ma.MaskedArray, numpy.memmap}:
        return refusal(obj)
    xarray = sys.modules.get("xarray")
    if xarray is not None and issubclass(cls, xarray.Dataset):
        dtypes = [variable.dtype for variable in obj.variables.values()]
    elif kinds_of_type(cls) == ("array",) or issubclass(cls, numpy.generic):
        dtypes = [obj.dtype]
    else:
        return None
    # Arrays of objects are written value by value; objects within fields are no values that a format could reach.
    if any(getattr(dtype, "hasobject", False) and dtype.names is not None for dtype in dtypes):
        return "an array whose fields hold objects can't be sent; convert them, such as with astype"
    return None


def _known(obj: Any) -> ResultInfo:
    cls = type(obj)
    name = type_name(cls)
    kinds = kinds_of_type(cls)
    if kinds is None:
        return ResultInfo(type_name=name, lazy=True)  # a Delayed, another collection, or a callable
    module = cls.__module__.partition(".")[0]
    if kinds == ("image",):
        return _image_info(obj, kinds, "bourn.Image")
    if any(base.__module__.startswith("xarray.") for base in cls.__mro__):
        return _xarray_info(obj, kinds, name)
    if kinds == ("array",):
        if module == "dask":
            size = obj.nbytes
            shape = tuple(-1 if length != length else length for length in obj.shape)  # noqa: PLR0124  # NaN: not known
            known = -1 not in shape
            return ResultInfo(
                kinds=kinds, type_name="dask.array.Array", lazy=True, dtype=obj.dtype.name,
                shape=shape if known else None, size_bytes=int(size) if known else None,
            )  # fmt: skip
        masked = sys.modules["numpy"].ma.isMaskedArray(obj)
        return ResultInfo(
            kinds=kinds, type_name=name, dtype=obj.dtype.name, shape=obj.shape, masked=masked, size_bytes=obj.nbytes
        )
    return ResultInfo(
        kinds=kinds, type_name=name, lazy=is_dask_collection(obj),
        size_bytes=getattr(obj, "nbytes", None) if module == "pyarrow" else None,
    )  # fmt: skip


def _image_info(image: Any, kinds: tuple[str, ...], name: str) -> ResultInfo:
    return ResultInfo(
        kinds=kinds, type_name=name, lazy=image.lazy, dtype=image.dtypes[0].name,
        dtypes=tuple(dtype.name for dtype in image.dtypes), shape=image.shape, bands=image.bands, grid=image.geobox,
        band_kinds=tuple(facts["kind"] for facts in image.bandinfo.values()), nodata=image.nodata,
        masked=image.masked, bandinfo={name: dict(facts) for name, facts in image.bandinfo.items()},
        properties=dict(image.properties), size_bytes=image.nbytes,
    )  # fmt: skip


def _xarray_info(obj: Any, kinds: tuple[str, ...], name: str) -> ResultInfo:
    from bourn.image.xarray_grid import placed  # numpy, which xarray has loaded

    lazy = is_dask_collection(obj)
    where = placed(obj)
    no_image: Sequence[Problem] = ()
    if where.has_grid:
        from bourn.image.from_xarray import parts_of_xarray  # the same
        from bourn.image.image import Image

        kinds = ("image", *kinds)
        try:
            parts = parts_of_xarray(obj)
            return attrs.evolve(_image_info(Image._of(parts), kinds, name), lazy=lazy, notes=parts.notes)  # noqa: SLF001  # what from_xarray does
        except RequestError as error:
            # Of two dates, say: a format of arrays takes it, and of one of images the plan says what is in the way.
            no_image = error.problems
    array = kinds[-1] == "array"
    return ResultInfo(
        kinds=kinds, type_name=name, lazy=lazy, dtype=obj.dtype.name if array else None,
        shape=obj.shape if array else None, grid=where.geobox, size_bytes=obj.nbytes, no_image=no_image,
    )  # fmt: skip
