"""The format npy: an array as numpy's own file, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import attrs
from bourn.plugin import EncodeError, Example, Format, Sink, option

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen
class Options:
    """What a request may say; the schema, the messages and the documentation are made of this."""

    block: int = option(default=1 << 20, ge=1024, le=1 << 30, unit="bytes", help="How much is written at a time.")


class Npy(Format[Options]):
    """An array as a file of numpy's."""

    plugin_api = 1  # the version of bourn.plugin that this is written for
    media_type, suffix = "application/x-npy", ".npy"
    kinds = ("array",)
    decodes = True
    examples = (Example("An array for numpy.load", format="npy"),)

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write the header, then the values, a block at a time."""
        import numpy as np  # on first use: listing what is installed should not wait for it
        from numpy.lib import format as npy

        array = np.asanyarray(result)
        if array.dtype.hasobject or isinstance(array, np.ma.MaskedArray):
            what = "a masked array" if isinstance(array, np.ma.MaskedArray) else f"dtype {array.dtype}"
            raise EncodeError(f"result: {what} can't be written as npy")
        shape = array.shape
        npy.write_array_header_2_0(
            sink, {"descr": npy.dtype_to_descr(array.dtype), "fortran_order": False, "shape": shape}
        )
        flat = array.reshape(-1) if array.flags.c_contiguous else array.flat
        step = max(1, options.block // max(1, array.itemsize))
        for start in range(0, array.size, step):
            sink.write(flat[start : start + step].tobytes())
        return {"values": array.size}

    def decode(self, source: BinaryIO, options: Options) -> Any:
        """The array again; what is not whole is refused."""
        import numpy as np  # on first use

        return np.load(source, allow_pickle=False)
