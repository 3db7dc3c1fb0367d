"""The format npy keeps what every format should: `bourn.testing` has the tests."""

import ast

from bourn.testing import FormatContract


class TestNpy(FormatContract):
    name = "npy"

    def read_back(self, data, kind, result):
        """What somebody else reads in the bytes: here the header's text and the values behind it."""
        length = int.from_bytes(data[8:12], "little")
        header = ast.literal_eval(data[12 : 12 + length].decode("utf-8"))
        assert header["shape"] == result.shape
        assert data[12 + length :] == result.tobytes()
