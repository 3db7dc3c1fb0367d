"""What the catalog does at bourn's own moments: commands, sweeping, the demo; heavier rooms are loaded on use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.plugin import Example, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import click
    from bourn.plugin import Session

__all__ = ["bourn_commands", "bourn_demo", "bourn_sweep"]

DEMO = "demo:scene"


@hookimpl
def bourn_commands(group: click.Group) -> None:
    """Add ``bourn catalog``."""
    from bourn_catalog.commands import catalog_command  # only where commands are wanted

    group.add_command(catalog_command)


@hookimpl
def bourn_sweep(session: Session, now: datetime) -> None:
    """Give up the files of images that nobody sees any more."""
    from bourn_catalog.sweep import sweep  # SQLAlchemy, on first use

    sweep(session, now)


@hookimpl
def bourn_demo(session: Session) -> Iterator[Example]:
    """An image of a product of its own."""
    from bourn_catalog.model.bands import SpectralBand  # SQLAlchemy, on first use
    from bourn_catalog.product import Product

    bands = [SpectralBand(name=name, data_type="UInt16", nodata=0) for name in ("red", "green", "blue", "nir")]
    Product(id=DEMO, name="The demo's scenes", bands=bands).save(session=session)
    image = {"product_id": DEMO, "name": "scene"}
    yield Example("An image of a product", {"type": "catalog", "image": image, "overwrite": True}, "geotiff")
