"""What a walk hands its values to: the part that json and msgpack each do in their own way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Counting", "Writer"]


class Counting(Protocol):
    """Takes down what was changed."""

    def count(self, kind: str, number: Any = 1) -> None:
        """Note that `number` values were changed in the way `kind`."""
        ...


class Writer(Counting, Protocol):
    """Writes values in the order in which a walk comes to them; each raises `Refusal` for what it can't write.

    Attributes
    ----------
    name : str
        Of the format, for messages.
    """

    name: str

    def none(self, kind: str) -> None:
        """Write that there is nothing, in place of a value that was `kind`."""
        ...

    def scalar(self, value: Any) -> bool:
        """Write one of Python's scalars; False if it is none."""
        ...

    def numpy_scalar(self, value: np.generic) -> bool:
        """Write one of numpy's scalars; False if there is no way to."""
        ...

    def array(self, value: np.ndarray[Any, Any]) -> bool:
        """Write an array whole; False if it is to be taken apart."""
        ...

    def apart(self, value: Any) -> tuple[Any] | None:
        """The plainer value that stands for `value` in this format alone, in a tuple; None if there is none."""
        ...

    def begin_list(self, count: int) -> None:
        """The next `count` values are a list's."""
        ...

    def begin_map(self, count: int) -> None:
        """The next `count` keys with a value each are a mapping's."""
        ...

    def plain(self, values: list[Any] | tuple[Any, ...]) -> int:
        """Write as many of a list's first values as go all at once; gives their number."""
        ...

    def key(self, key: Any) -> None:
        """Write a mapping's key."""
        ...

    def between(self) -> None:
        """One value of a list or mapping is written, the next one follows."""
        ...

    def end_list(self) -> None:
        """The list is complete."""
        ...

    def end_map(self) -> None:
        """The mapping is complete."""
        ...
