"""What a message has to say, as the templates get it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from datetime import datetime

    from bourn.plugin import Artifact, Context

    from bourn_email.picture import Picture

__all__ = ["Content", "content_of", "paragraphs", "spoken_size", "spoken_time"]

_WORDS = {
    "image/tiff": "GeoTIFF", "application/json": "JSON", "application/vnd.msgpack": "MessagePack",
    "application/msgpack": "MessagePack", "application/x-msgpack": "MessagePack",
    "application/vnd.apache.arrow.stream": "Arrow IPC", "application/vnd.apache.arrow.file": "Arrow IPC",
    "text/csv": "CSV", "application/vnd.apache.parquet": "Parquet", "application/x-netcdf": "NetCDF",
    "application/geo+json": "GeoJSON", "image/png": "PNG", "image/jpeg": "JPEG", "text/plain": "text",
    "application/zip": "ZIP",
}  # fmt: skip
"""What people call the media types that they know."""


@attrs.frozen(kw_only=True)
class Content:
    """All that a template may use.

    Attributes
    ----------
    subject, body : str
        As they were asked for, the prefix put before the subject.
    link : str
    until : str
        Until when the link works at least, with the zone.
    filename, format, size : str
        What the link leads to.
    job_id : str
    picture : Picture or None
        Of an image: its size, bands, CRS, and a small picture.
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
    """What is to be said of an artifact that is stored."""
    words = _WORDS.get(artifact.media_type)
    return Content(
        subject=subject,
        body=body.replace("\r\n", "\n").strip("\n"),
        link=context.link(),
        until=spoken_time(context.link_until()),
        filename=artifact.filename,
        format=artifact.media_type if words is None else f"{words} ({artifact.media_type})",
        size=spoken_size(artifact.size_bytes),
        job_id=context.job_id,
        picture=picture,
    )


def spoken_time(moment: datetime) -> str:
    """A moment to the minute, never later than it is.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> spoken_time(datetime(2026, 12, 2, 8, 5, 59, tzinfo=UTC))
    'Wednesday 2 December 2026, 08:05 UTC'
    """
    # Not by strftime: its names of days and months are those of whatever locale the process has.
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    months = (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    )  # fmt: skip
    day, month = days[moment.weekday()], months[moment.month - 1]
    return f"{day} {moment.day} {month} {moment.year}, {moment:%H:%M} {moment.tzname()}"


def spoken_size(size_bytes: int) -> str:
    """A size with its unit.

    Examples
    --------
    >>> spoken_size(1), spoken_size(1536), spoken_size(8_388_608)
    ('1 byte', '1.5 KiB', '8.0 MiB')
    """
    if size_bytes < 1024:  # noqa: PLR2004  # a KiB
        return f"{size_bytes} byte" + ("" if size_bytes == 1 else "s")
    size = float(size_bytes)
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1000:  # noqa: PLR2004  # four digits are too many
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"


def paragraphs(text: str) -> list[list[str]]:
    r"""A text's paragraphs, each as its lines.

    Examples
    --------
    >>> paragraphs("Dear all,\n\nit is done.\nAnna")
    [['Dear all,'], ['it is done.', 'Anna']]
    """
    return [part.strip("\n").split("\n") for part in text.split("\n\n") if part.strip("\n")]
