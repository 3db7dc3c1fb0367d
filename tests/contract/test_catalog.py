"""The catalog keeps the contract: what is in its tables, and in the files that they name, by SQL alone."""

from contextlib import suppress

import bourn
import bourn_catalog as catalog
import numpy as np
import pytest
import sqlalchemy as sa
from affine import Affine
from bourn.testing import DestinationContract
from odc.geo.geobox import GeoBox

pytestmark = pytest.mark.slow


class TestCatalog(DestinationContract):
    name = "catalog"

    @pytest.fixture
    def options(self):
        self.sessions = []
        return {"image": {"product_id": "kit", "name": "t"}}

    def began(self, trial):
        self.sessions.append(trial.session)
        bands = [catalog.GenericBand(name="a", data_type="Byte", nodata=0)]
        catalog.Product(id="kit", bands=bands).save(session=trial.session)

    def another(self, options, number):
        return {**options, "image": {**options["image"], "name": f"t{number}"}}

    def result(self, kind, number=0, size_bytes=0):
        if kind != "image":
            return super().result(kind, number, size_bytes)
        side = max(20, int(size_bytes**0.5) + 1)
        pixels = np.random.default_rng(number).integers(1, 255, (1, side, side), dtype="uint8")
        return bourn.Image(pixels, bands=["a"], geobox=GeoBox((side, side), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633"))

    def read_back(self, receipt, job):
        session = next(session for session in self.sessions if session.engine is job._engine)
        (key,) = self.rows(session, f"select key from catalog_images where id = '{receipt.detail['image']}'")[0]
        with session.store.open(key) as file:
            return file.read()

    def visible(self):
        found = []
        for session in self.sessions:
            with suppress(sa.exc.ProgrammingError):  # closed
                found += self.rows(session, "select id from catalog_images where superseded_at is null")
        return found

    @staticmethod
    def rows(session, question):
        with session.services.ledger.database.read() as connection:
            return connection.exec_driver_sql(question).all()
