"""An image's pixels as those of a product: what must fit, and what is changed and counted while they are read."""

from bourn_catalog.pixels.check import problems
from bourn_catalog.pixels.prepare import prepare
from bourn_catalog.pixels.report import warnings
from bourn_catalog.pixels.rule import Rule, rules_of

__all__ = ["Rule", "prepare", "problems", "rules_of", "warnings"]
