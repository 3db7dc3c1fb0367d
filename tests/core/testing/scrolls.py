"""A format that keeps the contract, and many that break it, each in one way."""

import json
import pickle
import time

import attrs
from bourn.plugin import EncodeError, Example, Format, option


@attrs.frozen
class Options:
    title: str = option(default="", help="What stands above it.", max_length=100, pattern="^[ -~]*$")


class Scroll(Format[Options]):
    """Write an array on a scroll: a line of JSON, then the values."""

    media_type, suffix = "application/x-scroll", ".scroll"
    kinds = ("array",)
    decodes = True

    def encode(self, result, options, sink):
        import numpy as np

        array = self.taken(result)
        sink.write(self.header(array, options))
        for block in self.blocks(np.ascontiguousarray(array).reshape(-1)):
            sink.write(self.written(block))
        return {"values": int(array.size)}

    def taken(self, result):
        import numpy as np

        if isinstance(result, np.ma.MaskedArray) or result.dtype.kind not in "biuf":
            raise EncodeError(f"result: {result.dtype} can't be written on a scroll")
        return result

    def header(self, array, options):
        fields = {"title": options.title, "dtype": array.dtype.str, "shape": array.shape}
        return json.dumps(fields).encode() + b"\n"

    def blocks(self, flat):
        for start in range(0, flat.size, 65_536):
            yield flat[start : start + 65_536]

    def written(self, block):
        return block.tobytes()

    def decode(self, source, options):
        import numpy as np

        header = json.loads(source.readline())
        return self.read(source, np.dtype(header["dtype"]), header["shape"])

    def read(self, source, dtype, shape):
        import numpy as np

        return np.frombuffer(source.read(), dtype).reshape(shape)


class HasNoHelp(Scroll):
    """One option is not explained."""

    @attrs.frozen
    class Options(Options):
        colour: bool = option(default=False, help=" ")


class HasNoDocstring(Scroll):
    __doc__ = ""


class SaysItCanNotDecode(Scroll):
    """It has a decode that nobody will call."""

    decodes = False


class NamesItsSuffixWrongly(Scroll):
    """A suffix without its dot."""

    suffix = "scroll"


class ShowsWhatItRefuses(Scroll):
    """Its example has a misspelt option."""

    examples = (Example("With a title.", format={"type": "scroll", "titel": "x"}),)


class TakesAnyText(Scroll):
    """Its title may be a megabyte of control characters."""

    @attrs.frozen
    class Options(Options):
        title: str = option(default="", help="What stands above it.")


class HoldsEverything(Scroll):
    """All of it is put together before the first byte is written."""

    def blocks(self, flat):
        yield flat


class SwapsBytes(Scroll):
    """It writes big-endian what it calls little-endian, and reads it so, too: only others are misled."""

    def written(self, block):
        return block.byteswap().tobytes()

    def read(self, source, dtype, shape):
        return super().read(source, dtype, shape).byteswap()


class LosesTheLastValue(Scroll):
    """What is read ends with a zero."""

    def read(self, source, dtype, shape):
        array = super().read(source, dtype, shape).copy()
        array.reshape(-1)[-1:] = 0
        return array


class ForgetsTheType(Scroll):
    """Whatever went in, float64 comes out."""

    def read(self, source, dtype, shape):
        return super().read(source, dtype, shape).astype("f8")


class TellsTheTime(Scroll):
    """The same result is never written as the same bytes."""

    def header(self, array, options):
        return super().header(array, attrs.evolve(options, title=str(time.perf_counter_ns())))


class SharesItsState(Scroll):
    """Threads write each other's header."""

    def header(self, array, options):
        self.count = getattr(self, "count", 0) + 1
        return super().header(array, attrs.evolve(options, title=str(self.count)))


class SwallowsAFullDisk(Scroll):
    """Where there is no room, the half of it will do."""

    def encode(self, result, options, sink):
        try:
            return super().encode(result, options, sink)
        except OSError:
            return {"values": 0}


class FillsUpWhatIsCutOff(Scroll):
    """What is missing at the end is taken for zeros."""

    def read(self, source, dtype, shape):
        import numpy as np

        size = int(np.prod(shape)) * dtype.itemsize
        return np.frombuffer(source.read().ljust(size, b"\0"), dtype).reshape(shape)


class ChangesTheResult(Scroll):
    """It puts the caller's own values in order."""

    def taken(self, result):
        result = super().taken(result)
        if result.ndim and result.flags.writeable:
            result.sort()
        return result


class ChangesInSilence(Scroll):
    """NaN becomes zero, without a note."""

    def taken(self, result):
        import numpy as np

        return np.nan_to_num(super().taken(result)) if result.dtype.kind == "f" else super().taken(result)


class LetsForeignErrorsOut(Scroll):
    """A KeyError says that a type is not known."""

    def taken(self, result):
        return dict.fromkeys("biuf", result)[result.dtype.kind]


class SaysNotWhere(Scroll):
    """Its EncodeError says that something went wrong."""

    def taken(self, result):
        try:
            return super().taken(result)
        except EncodeError as error:
            raise EncodeError("something went wrong") from error


class ReportsNothing(Scroll):
    """Its encode gives no report."""

    def encode(self, result, options, sink):
        super().encode(result, options, sink)


class SeeksInItsSink(Scroll):
    """It goes back to write the header anew."""

    def encode(self, result, options, sink):
        report = super().encode(result, options, sink)
        sink.seek(0)
        return report


class Unpickles(Scroll):
    """What does not look like a scroll might be a pickle of olden days."""

    def decode(self, source, options):
        data = source.read()
        if data[:1] == b"{":
            import io

            return super().decode(io.BytesIO(data), options)
        return pickle.loads(data.lstrip(b"\n"))
