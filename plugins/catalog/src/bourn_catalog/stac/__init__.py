"""What the catalog says of products and images to the world: STAC 1.1, as its clients read it."""

from bourn_catalog.stac.collection import collection
from bourn_catalog.stac.item import item
from bourn_catalog.stac.thumbnail import thumbnail

__all__ = ["collection", "item", "thumbnail"]
