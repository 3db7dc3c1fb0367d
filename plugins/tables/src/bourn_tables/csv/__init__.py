"""Tables and features as CSV."""

from bourn_tables.csv.options import Options
from bourn_tables.csv.plugin import CSV

__all__ = ["CSV", "Options"]
