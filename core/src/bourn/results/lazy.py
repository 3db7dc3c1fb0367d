"""Computing what is lazy: callables are called, and all that dask has to do in a result is done at once."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from bourn.errors import ResultRefused
from bourn.nested import walk
from bourn.results.inspect import is_callable_result
from bourn.results.kinds import CONTAINERS, is_dask_collection
from bourn.results.rebuild import rebuilt
from bourn.results.unsupported import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Cancelled", "compute"]

MOST_ROUNDS = 10
"""A delayed function may give something lazy, which is computed in its turn; not for ever."""

LOOK_EVERY_SECONDS = 0.05
"""How often to ask whether somebody cancelled: the answer may come from a database."""


class Cancelled(Exception):  # not a fault: somebody wanted it
    """Raised by `compute` when its `cancelled` said so."""


def compute(
    obj: Any,
    *,
    arguments: Mapping[str, Any] | None = None,
    keep: bool = False,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    initializer: Callable[[], None] | None = None,
) -> Any:
    """The result that `obj` gives; `obj` itself if nothing in it is lazy. Containers of the caller are not changed.

    Parameters
    ----------
    obj : object
        What `inspect` let pass.
    arguments : mapping, optional
        Keywords, if `obj` is callable.
    keep : bool
        Whether a result that is itself a dask array, a dask DataFrame, an image or an xarray object stays lazy,
        for a format that reads it block by block. What is lazy inside a container is computed.
    progress : callable, optional
        ``progress(done, total)`` in tasks (in strips where a file is read), at most once a task.
    cancelled : callable, optional
        Asked between tasks; a callable that runs can't be interrupted: its result is dropped when it returns.

    initializer : callable, optional
        Called at the start of each thread that computes tasks of dask.

    Raises
    ------
    Cancelled
        `cancelled` said so.
    """
    watch = _Watch(progress, cancelled, initializer)
    watch.look()
    if is_callable_result(obj):
        obj = obj(**(arguments or {}))
        watch.look(now=True)
        if is_callable_result(obj):
            msg = f"the callable gave no result but another callable: {refusal(obj)}"
            raise ResultRefused(msg)
    for _ in range(MOST_ROUNDS):
        if keep and _can_stay(obj):
            return obj
        if type(obj) in CONTAINERS:
            parts = [part.value for part in walk(obj) if part.problem is None and _is_lazy(part.value)]
        else:
            parts = [obj] if _is_lazy(obj) else []
        if not parts:
            return obj
        distinct = {id(part): part for part in parts}
        computed = _computed(list(distinct.values()), watch)
        obj = rebuilt(obj, dict(zip(distinct, computed, strict=True)))
    msg = f"after {MOST_ROUNDS} rounds of computing the result is still lazy"
    raise ResultRefused(msg)


class _Watch:
    """Tells how far the work is, and looks now and then whether it is wanted still."""

    def __init__(
        self,
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
        initializer: Callable[[], None] | None,
    ) -> None:
        self._progress = progress
        self._cancelled = cancelled
        self.initializer = initializer
        self._looked = float("-inf")

    def look(self, *, now: bool = False) -> None:
        if self._cancelled is None or (not now and time.monotonic() - self._looked < LOOK_EVERY_SECONDS):
            return
        self._looked = time.monotonic()
        if self._cancelled():
            msg = "cancelled"
            raise Cancelled(msg)

    def tell(self, done: int, total: int) -> None:
        self.look()
        if self._progress is not None:
            self._progress(done, total)


def _image_class() -> type | None:
    module = sys.modules.get("bourn.image.image")
    return None if module is None else module.Image


def _is_image(obj: object) -> bool:
    cls = _image_class()
    return cls is not None and issubclass(type(obj), cls)


def _is_lazy(obj: Any) -> bool:
    return bool(obj.lazy) if _is_image(obj) else is_dask_collection(obj)


def _can_stay(obj: Any) -> bool:
    """Whether a format that reads blocks itself can be handed `obj` as it is."""
    if _is_image(obj):
        return True
    dask_array = sys.modules.get("dask.array")
    if dask_array is not None and issubclass(type(obj), dask_array.Array):
        return not any(length != length for length in obj.shape)  # noqa: PLR0124  # NaN: a length that is not known
    dask_dataframe = sys.modules.get("dask.dataframe")
    if dask_dataframe is not None and issubclass(type(obj), dask_dataframe.DataFrame | dask_dataframe.Series):
        return True
    xarray = sys.modules.get("xarray")
    return xarray is not None and issubclass(type(obj), xarray.DataArray | xarray.Dataset)


def _computed(parts: Sequence[Any], watch: _Watch) -> list[Any]:
    """The parts, computed: those on dask all at once, so that what they have in common is computed once."""
    collections: list[Any] = []
    images: dict[int, tuple[int, int]] = {}
    for index, part in enumerate(parts):
        if not _is_image(part):
            collections.append(part)
        elif (arrays := part.dask_parts()) is not None:
            images[index] = (len(collections), len(collections) + len(arrays))
            from bourn.image.blocks import Blocks  # numpy, which the image has loaded

            collections.extend(Blocks(array) if is_dask_collection(array) else array for array in arrays)
    computed = _by_dask(collections, watch) if collections else []
    found, others = [], iter(_outside(computed, images.values()))
    for index, part in enumerate(parts):
        if not _is_image(part):
            found.append(_without_objects(next(others), part))
        elif index in images:
            found.append(part.with_parts(computed[slice(*images[index])]))
        else:  # in a file
            found.append(part.compute(progress=watch.tell))
    return found


def _without_objects(value: Any, part: Any) -> Any:
    """`value`, if it is no array of Python objects where numbers were declared: one that is said to be, is refused."""
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.ndarray or not value.dtype.hasobject or value.dtype.kind == "T":
        return value
    declared = getattr(part, "dtype", None) if type(part).__module__.startswith("dask.array") else None
    if declared is None or declared.hasobject:
        return value
    msg = (
        f"an array was declared as of dtype {declared}, and computing it gave one of {value.dtype}, which holds "
        "references, not data: give map_blocks the right dtype"
    )
    raise ResultRefused(msg)


def _outside(items: Sequence[Any], spans: Any) -> list[Any]:
    taken = {index for low, high in spans for index in range(low, high)}
    return [item for index, item in enumerate(items) if index not in taken]


def _by_dask(collections: Sequence[Any], watch: _Watch) -> Sequence[Any]:
    distributed = sys.modules.get("distributed")
    if distributed is not None:
        try:
            client = distributed.default_client()
        except ValueError:  # what it says when there is none
            client = None
        if client is not None:
            return _by_client(client, collections, watch)
    import dask  # loaded already: these are its collections

    # Given by argument, not as a context manager, which would count the tasks of other threads' jobs too.
    callbacks = [_counting(watch)]
    try:
        pool = _thread_pool(collections, watch)
        if pool is None:
            return dask.compute(*collections, callbacks=callbacks)  # type: ignore[attr-defined, no-untyped-call, no-any-return]  # typed in part
        try:
            return dask.compute(*collections, pool=pool, callbacks=callbacks)  # type: ignore[attr-defined, no-untyped-call, no-any-return]  # typed in part
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    except RuntimeError as error:
        if "interpreter shutdown" not in str(error):
            raise
        # No thread can be started any more: what can be done is done in this one.
        return dask.compute(*collections, scheduler="synchronous", callbacks=callbacks)  # type: ignore[attr-defined, no-untyped-call, no-any-return]  # typed in part


def _thread_pool(collections: Sequence[Any], watch: _Watch) -> Any:
    """Return the pool that computes these, as dask would make it; None where dask computes in no threads of its own."""
    from concurrent.futures import ThreadPoolExecutor  # these are loaded already

    import dask.system
    import dask.threaded

    scheduler = dask.base.get_scheduler(collections=[each for each in collections if is_dask_collection(each)])
    if scheduler is not dask.threaded.get or dask.config.get("pool", None) is not None:
        return None
    kind: Any = getattr(dask.threaded, "ContextAwareThreadPoolExecutor", ThreadPoolExecutor)
    workers = dask.config.get("num_workers", None) or dask.system.CPU_COUNT
    return kind(workers, "bourn-dask", initializer=watch.initializer)


def _counting(watch: _Watch) -> tuple[Any, ...]:
    """A callback of dask's local schedulers: (start, start_state, pretask, posttask, finish)."""
    done = total = 0

    def start_state(_graph: Any, state: Mapping[str, Any]) -> None:
        nonlocal total
        total = sum(len(state[name]) for name in ("ready", "waiting", "running", "finished"))

    def pretask(_key: Any, _graph: Any, _state: Any) -> None:
        watch.look()

    def posttask(_key: Any, _value: Any, _graph: Any, _state: Any, _worker: Any) -> None:
        nonlocal done
        done += 1
        watch.tell(done, max(done, total))

    return None, start_state, pretask, posttask, None


def _by_client(client: Any, collections: Sequence[Any], watch: _Watch) -> Sequence[Any]:
    """Computed by the workers of a distributed client; what is cancelled there is forgotten there."""
    futures = client.compute(list(collections))
    try:
        while not all(future.done() for future in futures):
            watch.tell(sum(future.done() for future in futures), len(futures))
            time.sleep(LOOK_EVERY_SECONDS)
        gathered: Sequence[Any] = client.gather(futures)
    except BaseException:
        client.cancel(futures)
        raise
    watch.tell(len(futures), len(futures))
    return gathered
