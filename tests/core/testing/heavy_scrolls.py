"""A format whose module loads at once what it may need later."""

import pandas as pd
import scrolls


class LoadsALot(scrolls.Scroll):
    """It needs a table now and then."""

    frame = pd.DataFrame
