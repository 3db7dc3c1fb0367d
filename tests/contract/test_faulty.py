"""The kit's own destination keeps the contract."""

import pytest
from bourn.testing import DestinationContract, Faulty

pytestmark = pytest.mark.slow


class TestFaulty(DestinationContract):
    destination = Faulty
    unreachable = "it keeps results in the memory of this process"

    def read_back(self, receipt, job):
        return Faulty.delivered[receipt.detail["delivery"]]

    def visible(self):
        return Faulty.seen()
