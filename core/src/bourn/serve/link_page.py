"""The page of a link for people: what it is, until when, how to get it, and code that opens it."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bourn.serve.answers import page_response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from starlette.requests import Request
    from starlette.responses import Response

    from bourn.ledger.links import Linked
    from bourn.ledger.record import JobRecord
    from bourn.serve.session import Serving

__all__ = ["link_page", "wants_page"]

MOST_BANDS = 40
MOST_PREVIEW_BYTES = 1_500

_NAMES = {
    "image/tiff": "GeoTIFF",
    "application/json": "JSON",
    "application/geo+json": "GeoJSON",
    "text/csv": "CSV table",
    "application/vnd.apache.parquet": "Parquet table",
    "application/vnd.apache.arrow.stream": "Arrow stream",
    "application/vnd.apache.arrow.file": "Arrow file",
    "application/x-netcdf": "netCDF",
    "application/netcdf": "netCDF",
    "application/msgpack": "MessagePack",
    "application/vnd.msgpack": "MessagePack",
    "application/zip": "ZIP archive",
    "image/png": "PNG picture",
}

_PYTHON = {
    "image/tiff": (
        "import rioxarray\n\nurl = {url}\n"
        "image = rioxarray.open_rasterio(url, mask_and_scale=True, chunks={{}})  # reads only what you use"
    ),
    "application/geo+json": "import geopandas\n\nplaces = geopandas.read_file({url})",
    "application/json": "import json\nfrom urllib.request import urlopen\n\nvalue = json.load(urlopen({url}))",
    "text/csv": "import pandas\n\ntable = pandas.read_csv({url})",
    "application/vnd.apache.parquet": "import pandas\n\ntable = pandas.read_parquet({url})",
    "application/vnd.apache.arrow.stream": (
        "from urllib.request import urlopen\nimport pyarrow\n\n"
        "table = pyarrow.ipc.open_stream(urlopen({url}).read()).read_all()"
    ),
    "application/msgpack": (
        "from urllib.request import urlopen\nimport msgpack\n\n"
        "value = msgpack.unpackb(urlopen({url}).read(), strict_map_key=False)"
    ),
}
_PYTHON["application/vnd.msgpack"] = _PYTHON["application/msgpack"]
_ANY_PYTHON = "from urllib.request import urlretrieve\n\nurlretrieve({url}, {name})"


def wants_page(request: Request) -> bool:
    """Return whether a browser navigates here; programs, `fetch` and pictures in pages do not accept HTML."""
    return (
        request.method == "GET"
        and "text/html" in request.headers.get("accept", "")
        and "range" not in request.headers
        and "download" not in request.query_params
    )


def link_page(session: Serving, request: Request, found: Linked) -> Response:
    """Return the page of a working link."""
    artifact, record = found.artifact, session.engine.record_of(found.job_id)
    plan: Mapping[str, Any] = {} if record is None else record.plan
    result = plan.get("result") or {}
    media_type = artifact.media_type.partition(";")[0].strip()
    name = quote(artifact.filename, safe="")
    url = f"{session.settings.public_url.rstrip('/')}/d/{request.path_params['token']}/{name}"
    left = artifact.expires_at - session.clock() if found.stage.done else None
    return page_response(
        "link.html",
        headers={"Vary": "Accept"},
        filename=artifact.filename,
        sender="" if record is None else record.principal,
        lead=" · ".join([_NAMES.get(media_type, media_type), *_lead(result)]),
        size=_size(artifact.size_bytes),
        size_bytes=artifact.size_bytes,
        until=f"{artifact.expires_at:%d %B %Y, %H:%M} UTC",
        left=None if left is None else _left(left),
        share=None if left is None else _share(left, artifact.stored_at, artifact.expires_at),
        facts=_facts(result),
        sha256=artifact.sha256,
        codes=_codes(media_type, url, artifact.filename, artifact.sha256, result),
        bands=list(result.get("bands") or ())[:MOST_BANDS],
        changes=_changes(record),
        preview=_preview(session, found, media_type),
    )


def _lead(result: Mapping[str, Any]) -> list[str]:
    parts = []
    if bands := result.get("bands"):
        parts.append("1 band" if len(bands) == 1 else f"{len(bands)} bands")
    if result.get("crs"):
        parts.append(str(result["crs"])[:60])
    return parts


def _facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    shape = [f"{length:,}" for length in result.get("shape") or ()]
    is_image = bool(result.get("bands")) and len(shape) == 3  # noqa: PLR2004  # band, y, x
    size = f"{shape[2]} x {shape[1]} pixels" if is_image else " x ".join(shape)
    facts = {
        "Size": size,
        "Values": str(result.get("dtype") or ""),
        "Grid": str(result.get("crs") or "")[:60],
        "Kind": ", ".join(map(str, result.get("kinds") or ())),
    }
    return [(name, text) for name, text in facts.items() if text]


def _changes(record: JobRecord | None) -> list[str]:
    """Return what was counted while the file was written: changes of values, and notes."""
    report = {} if record is None or record.artifact is None else record.artifact.report.get("encode", {})
    changes = [f"{key}: {value:,}" for key, value in report.items() if type(value) is int and value]
    notes = report.get("notes")
    return [*changes, *map(str, notes if isinstance(notes, list) else ())][:20]


def _codes(media_type: str, url: str, filename: str, sha256: str, result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return pairs of a program and the code for it; each address and name is quoted for its language."""
    template = _PYTHON.get(media_type, _ANY_PYTHON)
    codes = [("Python", template.format(url=json.dumps(url), name=json.dumps(filename)))]
    is_features = "features" in (result.get("kinds") or ()) or media_type == "application/geo+json"
    if media_type == "image/tiff":
        codes.append(("QGIS", f"Layer > Add Layer > Add Raster Layer… > Protocol: HTTP(S)\n{url}"))
        codes.append(("GDAL", f"gdalinfo {shlex.quote('/vsicurl/' + url)}"))
    elif is_features:
        codes.append(("QGIS", f"Layer > Add Layer > Add Vector Layer… > Protocol: HTTP(S)\n{url}"))
        codes.append(("GDAL", f"ogrinfo -al -so {shlex.quote('/vsicurl/' + url)}"))
    check = f"echo {shlex.quote(f'{sha256}  {filename}')} | sha256sum -c"
    codes.append(("curl", f"curl -fL -C - -o {shlex.quote(filename)} {shlex.quote(url)}\n{check}"))
    return codes


def _preview(session: Serving, found: Linked, media_type: str) -> str:
    """Return the beginning of a text; empty where it is none."""
    if media_type not in {"application/json", "application/geo+json", "text/csv"}:
        return ""
    size = min(found.artifact.size_bytes, MOST_PREVIEW_BYTES)
    try:
        head = b"".join(session.store.stream(found.artifact.key, 0, size))
    except OSError:
        return ""
    text = head.decode("utf-8", "replace")
    return text if size == found.artifact.size_bytes else f"{text}…"


def _size(size_bytes: int) -> str:
    """Return a size in decimal units, as browsers and shops have them.

    Examples
    --------
    >>> _size(3), _size(1_234_567_890)
    ('3 bytes', '1.23 GB')
    """
    if size_bytes < 1000:  # noqa: PLR2004  # the unit
        return f"{size_bytes} bytes"
    power = min(4, (len(str(size_bytes)) - 1) // 3)
    return f"{size_bytes / 1000**power:.3g} {('kB', 'MB', 'GB', 'TB')[power - 1]}"


def _left(left: timedelta) -> str:
    hours = int(left.total_seconds() // 3600)
    parts = [(hours // 24, "day"), (hours % 24, "hour")] if hours else [(int(left.total_seconds() // 60), "minute")]
    words = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count]
    return f"{' '.join(words) or 'less than a minute'} left"


def _share(left: timedelta, begun: datetime, ends: datetime) -> int:
    whole = (ends - begun).total_seconds()
    return max(0, min(100, round(100 * left.total_seconds() / whole))) if whole > 0 else 0
