"""A format: how a result is written. The interface that its author fills in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Generic, Protocol, TypeVar

from bourn.contract.destination import ANY, Example, options_class_of
from bourn.contract.option import NoOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bourn.contract.receipt import Note
    from bourn.errors import Problem
    from bourn.results.info import ResultInfo

__all__ = ["Format", "Sink"]

OptionsT = TypeVar("OptionsT")


class Sink(Protocol):
    """Where a format writes: forward only, in pieces of any size; nothing is visible before the end.

    Examples
    --------
    >>> import io
    >>> sink: Sink = io.BytesIO()  # any binary file is one, in a test
    >>> sink.write(b"abc")
    3
    """

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Take the bytes of a contiguous buffer; gives their number.

        Examples
        --------
        >>> import io
        >>> io.BytesIO().write(memoryview(b"abc")[1:])
        2
        """
        ...


class Format(Generic[OptionsT]):
    """Says how a result is written; an object of the class is made once, without arguments, and shared by threads.

    Attributes
    ----------
    Options : type
        An attrs class whose fields are made by `option`; ``Format[Options]`` sets it.
    media_type, suffix : str
        Such as ``image/tiff`` and ``.tif``.
    kinds : tuple of str
        Kinds of result it can write; or `ANY`. One that writes images only is handed a `bourn.Image`.
    lazy : bool
        True if `encode` reads lazy arrays block by block itself; otherwise they are computed first.
    decodes : bool
        True if `decode` gives Python objects back.
    losses : mapping of str to str
        By the name under which the report of `encode` counts it, what is lost or changed for readers of the file.
        A blocking `compute` warns of those that were counted; the path of the first is under ``first``.
    requires : mapping of str to str
        Modules that it needs and that its distribution does not bring, such as an extra's, each with what to give to
        ``pip install``. A plan and ``bourn doctor`` say which are missing.
    examples : sequence of Example
    plugin_api : int
        The version of this interface that the plugin was written for; the first where it does not say.

    Examples
    --------
    >>> from bourn.plugin import Format
    >>> class Text(Format):
    ...     '''Whatever it is, as text.'''
    ...
    ...     media_type, suffix = "text/plain", ".txt"
    ...
    ...     def encode(self, result, options, sink):
    ...         sink.write(str(result).encode())
    ...         return {}
    """

    Options: ClassVar[type] = NoOptions
    Settings: ClassVar[type] = NoOptions
    media_type: ClassVar[str] = "application/octet-stream"
    suffix: ClassVar[str] = ".bin"
    kinds: ClassVar[tuple[str, ...]] = ANY
    lazy: ClassVar[bool] = False
    decodes: ClassVar[bool] = False
    losses: ClassVar[Mapping[str, str]] = {}
    requires: ClassVar[Mapping[str, str]] = {}
    examples: ClassVar[Sequence[Example]] = ()
    plugin_api: ClassVar[int] = 1  # not PLUGIN_API: a plugin that does not say it was written when there was one

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        given = options_class_of(cls, Format)
        if given is not None and "Options" not in cls.__dict__:
            cls.Options = given

    def preflight(self, options: OptionsT, info: ResultInfo) -> Iterable[Problem | Note]:
        """Before anything is computed: yield every problem and note that options and result have together.

        Examples
        --------
        >>> from bourn.plugin import Format, Problem, ResultInfo
        >>> class Photo(Format):
        ...     def preflight(self, options, info):
        ...         if info.dtype not in (None, "uint8"):
        ...             yield Problem("", f"a photo has uint8, not {info.dtype}")
        >>> list(Photo().preflight(None, ResultInfo(dtype="float32")))
        [Problem(path='', message='a photo has uint8, not float32')]
        """
        return ()

    def encode(self, result: Any, options: OptionsT, sink: Sink) -> Mapping[str, Any]:
        """Write `result` to `sink` as a stream, each block read once; returns a report as JSON.

        Raises
        ------
        EncodeError
            What can't be expressed, with its path: ``result["a"][3]``.
        ResultRefused
            The result is of a kind or shape that this format does not write.

        Examples
        --------
        >>> import io
        >>> from bourn.plugin import EncodeError, Format
        >>> class Words(Format):
        ...     def encode(self, result, options, sink):
        ...         for number, word in enumerate(result):
        ...             if not isinstance(word, str):
        ...                 raise EncodeError(f"result[{number}]: expected a text, got {type(word).__name__}")
        ...             sink.write(word.encode() + b" ")
        ...         return {"words": len(result)}
        >>> Words().encode(["a", "b"], None, io.BytesIO())
        {'words': 2}
        """
        raise NotImplementedError

    def decode(self, source: BinaryIO, options: OptionsT) -> Any:
        """The Python object that was written; only where `decodes` is True. Runs no code, opens nothing.

        Examples
        --------
        >>> import io
        >>> from bourn.plugin import Format
        >>> class Words(Format):
        ...     decodes = True
        ...
        ...     def decode(self, source, options):
        ...         return source.read().decode().split()
        >>> Words().decode(io.BytesIO(b"a b "), None)
        ['a', 'b']
        """
        raise NotImplementedError
