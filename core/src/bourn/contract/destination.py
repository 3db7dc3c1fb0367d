"""A destination: where a result goes. The interface that its author fills in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args

import attrs

from bourn.contract.option import NoOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bourn.contract.artifact import Artifact
    from bourn.contract.context import Context
    from bourn.contract.format import Format
    from bourn.contract.receipt import Note, Receipt
    from bourn.errors import Problem
    from bourn.results.info import ResultInfo

__all__ = ["ANY", "PLUGIN_API", "Destination", "Example", "options_class_of"]

PLUGIN_API = 1
"""The version of the interface between core and plugins; a plugin built for another one is refused politely."""

ANY = ("*",)
"""All formats, or all kinds of result."""

OptionsT = TypeVar("OptionsT")


@attrs.frozen
class Example:
    """A titled request, for documentation and the demo.

    Attributes
    ----------
    title : str
    destination : mapping or str, optional
        As a caller would write it.
    format : mapping or str, optional

    Examples
    --------
    >>> Example("On the top shelf", destination={"type": "shelf", "place": "top"}, format="json").title
    'On the top shelf'
    """

    title: str
    destination: Mapping[str, Any] | str | None = None
    format: Mapping[str, Any] | str | None = None


def options_class_of(cls: type, base: type) -> type | None:
    """The class in ``base[...]`` among the bases of `cls`, as in ``class Webhook(Destination[Options])``."""
    for generic in cls.__dict__.get("__orig_bases__", ()):  # its own: a base class has set its Options already
        if getattr(generic, "__origin__", None) is base:
            (argument,) = get_args(generic)
            return argument if isinstance(argument, type) else None
    return None


class Destination(Generic[OptionsT]):
    """Says where a result goes; an object of the class is made once, without arguments, and shared by threads.

    Only `deliver` must be written. The steps are called in the order in which they stand here, each with
    positional arguments, always with options that were checked.

    Attributes
    ----------
    Options : type
        An attrs class whose fields are made by `option`; ``Destination[Options]`` sets it.
    Settings : type
        An attrs class like it: the plugin's own part of the settings, ``[plugins.NAME]`` in ``bourn.toml``.
    formats : tuple of str
        Names or media types, the first is the default; or `ANY`.
    kinds : tuple of str
        Kinds of result it takes; or `ANY`. One that takes images only is handed a `bourn.Image`.
    gives_data : bool
        Whether a job's result is the data (so that ``file=`` makes sense); False if `load` gives something else.
    retry_for : timedelta
        How long after the first try a delivery that raises `Transient` is given up.
    requires : mapping of str to str
        Modules that it needs and that its distribution does not bring, such as an extra's, each with what to give to
        ``pip install``. A plan and ``bourn doctor`` say which are missing.
    examples : sequence of Example
    plugin_api : int
        The version of this interface that the plugin was written for; the first where it does not say.

    Examples
    --------
    >>> import attrs
    >>> from bourn.plugin import Destination, Receipt, option
    >>> @attrs.frozen
    ... class Options:
    ...     shelf: str = option(default="top", choices=["top", "bottom"], help="Where to put it.")
    >>> class Shelf(Destination[Options]):
    ...     '''Put a result on a shelf.'''
    ...
    ...     formats = ("json",)
    ...
    ...     def deliver(self, artifact, options, context):
    ...         return Receipt(detail={"shelf": options.shelf})
    >>> Shelf.Options is Options
    True
    """

    Options: ClassVar[type] = NoOptions
    Settings: ClassVar[type] = NoOptions
    formats: ClassVar[tuple[str, ...]] = ANY
    kinds: ClassVar[tuple[str, ...]] = ANY
    gives_data: ClassVar[bool] = True
    retry_for: ClassVar[timedelta] = timedelta(minutes=15)
    requires: ClassVar[Mapping[str, str]] = {}
    examples: ClassVar[Sequence[Example]] = ()
    plugin_api: ClassVar[int] = 1  # not PLUGIN_API: a plugin that does not say it was written when there was one

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        given = options_class_of(cls, Destination)
        if given is not None and "Options" not in cls.__dict__:
            cls.Options = given

    def from_shorthand(self, obj: Any) -> OptionsT:
        """Options from an object of a class that the distribution claims as this destination's shorthand.

        Examples
        --------
        >>> import attrs, pathlib
        >>> from bourn.plugin import Destination, option
        >>> @attrs.frozen
        ... class Options:
        ...     path: str = option(help="Where to.")
        >>> class File(Destination[Options]):
        ...     def from_shorthand(self, obj):  # `file = "pathlib:PurePath"` among its bourn.shorthands
        ...         return Options(path=str(obj))
        >>> File().from_shorthand(pathlib.PurePosixPath("a/b"))
        Options(path='a/b')
        """
        msg = f"{type(self).__name__} claims {type(obj).__name__} as a shorthand and has no from_shorthand"
        raise TypeError(msg)

    def preflight(self, options: OptionsT, info: ResultInfo, context: Context) -> Iterable[Problem | Note]:
        """Before anything is computed: yield every problem and every note. Looks, never touches.

        Parameters
        ----------
        options : Options
        info : ResultInfo
            What is known of the result without computing it: kinds, dtype, shape, bands, grid, size.
        context : Context

        Examples
        --------
        >>> from bourn.plugin import Destination, Problem
        >>> class Shelf(Destination):
        ...     def preflight(self, options, info, context):
        ...         if info.size_bytes and info.size_bytes > 1e9:
        ...             yield Problem("", "the shelf holds 1 GB")
        """
        return ()

    def prepare(self, result: Any, options: OptionsT, context: Context) -> Any:
        """The result as this destination needs it, lazily: what is read block by block is changed block by block.

        A destination without this step shares the encoding with others that take the same format. What it
        returns may have a mapping ``report``, filled while blocks pass, which is kept with the artifact.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import session_with
        >>> class Doubled(Destination):
        ...     def prepare(self, result, options, context):
        ...         return result * 2
        ...
        ...     def deliver(self, artifact, options, context):
        ...         return Receipt(detail={"doubled": artifact.read().decode()})
        >>> with session_with(destinations={"doubled": Doubled}) as session:
        ...     session.compute(21, destination="doubled", format="json", block=False).wait().receipt.detail
        {'doubled': '42'}
        """
        return result

    def deliver(self, artifact: Artifact, options: OptionsT, context: Context) -> Receipt:
        """Hand the artifact over. Doing it twice under one ``context.delivery_id`` does it once.

        Raises
        ------
        Transient
            To be tried again later, by any process.
        DeliveryError
            It has failed for good; any other exception is taken for that, too.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> shelf = {}
        >>> class Shelf(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         shelf[context.delivery_id] = artifact.read()  # twice is once: the id is the same
        ...         return Receipt(detail={"place": context.delivery_id})
        """
        raise NotImplementedError

    def retract(self, options: OptionsT, context: Context) -> None:
        """Undo what a delivery that was cancelled or failed may have left; there may be nothing.

        Raises
        ------
        DeliveryError
            It can't be undone, such as a mail that went out. A job that was to be cancelled has failed then, with
            this error, and link and data stay for those who have them. Any other exception is taken for that, too:
            it is not tried again.

        Examples
        --------
        >>> from bourn.plugin import Destination
        >>> shelf = {}
        >>> class Shelf(Destination):
        ...     def retract(self, options, context):
        ...         shelf.pop(context.delivery_id, None)
        """

    def load(self, receipt: Receipt, artifact: Artifact, context: Context) -> Any:
        """What ``Job.result()`` gives. Here: the Python object if the format gives one back, else the bytes.

        Called only where a destination replaces it; reads the store, never HTTP.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import session_with
        >>> class Counted(Destination):
        ...     gives_data = False
        ...
        ...     def deliver(self, artifact, options, context):
        ...         return Receipt(detail={"size": artifact.size_bytes})
        ...
        ...     def load(self, receipt, artifact, context):
        ...         return receipt.detail["size"]
        >>> with session_with(destinations={"counted": Counted}) as session:
        ...     session.compute({"a": 1}, destination="counted", format="json")
        7
        """
        raise NotImplementedError

    def encodes_alone(self) -> bool:
        """Whether the artifact is made for this destination only, since it has a `prepare` of its own.

        Examples
        --------
        >>> Destination().encodes_alone()
        False
        """
        return type(self).prepare is not Destination.prepare

    def loads_alone(self) -> bool:
        """Whether this destination has a `load` of its own.

        Examples
        --------
        >>> Destination().loads_alone()
        False
        """
        return type(self).load is not Destination.load

    def takes(self, format_name: str, written: Format[Any]) -> bool:
        """Whether the matrix lets that format pass: by its name or its media type.

        Examples
        --------
        >>> from bourn.plugin import Destination, Format
        >>> class Pictures(Destination):
        ...     formats = ("image/png",)
        >>> class PNG(Format):
        ...     media_type = "image/png"
        >>> Pictures().takes("png", PNG()), Pictures().takes("text", Format())
        (True, False)
        """
        return self.formats == ANY or format_name in self.formats or written.media_type in self.formats
