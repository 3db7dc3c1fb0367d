"""Content of a message, as the templates get it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from datetime import datetime

    from bourn.plugin import Artifact, Context

    from bourn_email.picture import Picture

__all__ = ["Content", "content_of", "format_size", "format_time", "paragraphs"]

_NAMES = {
    "image/tiff": "GeoTIFF", "application/json": "JSON", "application/vnd.msgpack": "MessagePack",
    "application/msgpack": "MessagePack", "application/x-msgpack": "MessagePack",
    "application/vnd.apache.arrow.stream": "Arrow IPC", "application/vnd.apache.arrow.file": "Arrow IPC",
    "text/csv": "CSV", "application/vnd.apache.parquet": "Parquet", "application/x-netcdf": "NetCDF",
    "application/geo+json": "GeoJSON", "image/png": "PNG", "image/jpeg": "JPEG", "text/plain": "text",
    "application/zip": "ZIP",
}  # fmt: skip
"""Common names of media types."""


@attrs.frozen(kw_only=True)
class Content:
    """The variables of a template.

    Attributes
    ----------
    subject, body : str
        As requested; the subject with its prefix.
    link : str
    until : str
        Time until which the link works at least, with its zone.
    filename, format, size : str
        Of the linked file.
    job_id : str
    picture : Picture or None
        Of an image: size, bands, CRS and thumbnail.
    """

    subject: str
    body: str
    link: str
    until: str
    filename: str
    format: str
    size: str
    job_id: str
    picture: Picture | None = None


def content_of(artifact: Artifact, context: Context, *, subject: str, body: str, picture: Picture | None) -> Content:
    """Return the content for a stored artifact."""
    name = _NAMES.get(artifact.media_type)
    return Content(
        subject=subject,
        body=body.replace("\r\n", "\n").strip("\n"),
        link=context.link(),
        until=format_time(context.link_until()),
        filename=artifact.filename,
        format=artifact.media_type if name is None else f"{name} ({artifact.media_type})",
        size=format_size(artifact.size_bytes),
        job_id=context.job_id,
        picture=picture,
    )


def format_time(time: datetime) -> str:
    """Return a time, rounded down to the minute.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> format_time(datetime(2026, 12, 2, 8, 5, 59, tzinfo=UTC))
    'Wednesday 2 December 2026, 08:05 UTC'
    """
    # Not by strftime, which uses the names of the process's locale.
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    months = (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    )  # fmt: skip
    day, month = days[time.weekday()], months[time.month - 1]
    return f"{day} {time.day} {month} {time.year}, {time:%H:%M} {time.tzname()}"


def format_size(size_bytes: int) -> str:
    """Return a size with its unit.

    Examples
    --------
    >>> format_size(1), format_size(1536), format_size(8_388_608)
    ('1 byte', '1.5 KiB', '8.0 MiB')
    """
    if size_bytes < 1024:  # noqa: PLR2004  # a KiB
        return f"{size_bytes} byte" + ("" if size_bytes == 1 else "s")
    size = float(size_bytes)
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1000:  # noqa: PLR2004  # three digits at most
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"


def paragraphs(text: str) -> list[list[str]]:
    r"""Return the paragraphs of a text, each as a list of lines.

    Examples
    --------
    >>> paragraphs("Dear all,\n\nit is done.\nAnna")
    [['Dear all,'], ['it is done.', 'Anna']]
    """
    return [part.strip("\n").split("\n") for part in text.split("\n\n") if part.strip("\n")]
