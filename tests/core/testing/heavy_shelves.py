"""A destination whose module loads at once what it may need later."""

import pandas as pd
import shelves


class LoadsALot(shelves.Shelf):
    """It needs a table now and then."""

    frame = pd.DataFrame
