"""The bucket destination: a result is put into an object store, whole or not at all, and stays there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import (
    Artifact,
    Context,
    DeliveryError,
    Destination,
    Example,
    Note,
    Problem,
    Receipt,
    ResultInfo,
    Secret,
    Transient,
    option,
)

from bourn_bucket.place import fault_of_key, fault_of_url, is_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bucket", "Options", "Settings"]


@attrs.frozen
class Options:
    """Where a result is put."""

    url: str = option(
        help="The bucket and, perhaps, a prefix in it.", max_length=1000, check=fault_of_url,
        examples=["s3://bucket/prefix", "gs://bucket", "az://container/prefix"],
    )  # fmt: skip
    key: str | None = option(
        default=None, min_length=1, max_length=500, check=fault_of_key, examples=["2026/ndvi.tif"],
        help="The object's name below that; by default the delivery's id, which no other object has.",
    )  # fmt: skip
    overwrite: bool = option(default=False, help="Whether an object of that name is replaced.")


@attrs.frozen
class Settings:
    """How the stores of this installation are reached."""

    allow: list[str] = option(
        factory=list, help="Where results may go: beginnings of URLs. Without any: every bucket, and no folder.",
        examples=[["s3://maps", "file:///srv/results"]],
    )  # fmt: skip
    endpoint: str | None = option(default=None, help="The address of a service that is not the provider's own.")
    region: str | None = option(default=None, help="The region of the bucket.")
    access_key_id: Secret | None = option(default=None, help="The name of the key.")
    secret_access_key: Secret | None = option(default=None, help="The key.")
    more: dict[str, str] = option(
        factory=dict, help="Whatever else obstore's client of that service takes, such as `account_name` on Azure."
    )


class Bucket(Destination[Options]):
    """Put a result into an object store, where it stays."""

    plugin_api = 1
    Settings = Settings
    examples = (
        Example(
            "A GeoTIFF under a name of your own", {"type": "bucket", "url": "s3://maps", "key": "ndvi.tif"}, "geotiff"
        ),
        Example(
            "Replace what is there", {"type": "bucket", "url": "gs://now", "key": "x.json", "overwrite": True}, "json"
        ),
    )

    def preflight(self, options: Options, info: ResultInfo, context: Context) -> Iterator[Problem | Note]:
        """Whether results may go there, and whether the name is free."""
        if not is_allowed(options.url, context.settings.allow):
            where = ", ".join(context.settings.allow) or "any bucket, and no folder"
            yield Problem("url", f"this installation puts results into: {where}")
        elif options.key and not options.overwrite:
            from bourn_bucket.upload import exists  # obstore, on first use

            try:
                if exists(options, context.settings):
                    yield Problem("key", f"{options.key!r} exists already; overwrite=True replaces it")
            except Transient as error:
                yield Note(f"whether it exists already is not known yet: {error}", "key")

    def deliver(self, artifact: Artifact, options: Options, context: Context) -> Receipt:
        """Put it there; where an earlier try has done so already, that is found."""
        from bourn_bucket.upload import upload  # obstore, on first use

        key = options.key or f"{context.delivery_id}{artifact.suffix}"
        # Before the first byte: the process that continues after a crash knows what may be there.
        ours = {"key": key, "sha256": artifact.sha256}
        tried = context.checkpoint == ours
        if not tried:
            context.checkpoint = ours
        upload(artifact, key, options, context, tried=tried)
        detail: dict[str, Any] = {"key": key, "size_bytes": artifact.size_bytes, "sha256": artifact.sha256}
        return Receipt(url=f"{options.url.rstrip('/')}/{key}", detail=detail)

    def retract(self, options: Options, context: Context) -> None:
        """Remove what this delivery has put there, and nothing else."""
        from bourn_bucket.upload import remove  # obstore, on first use

        if not context.checkpoint:
            return
        try:
            remove(context.checkpoint["key"], context.checkpoint["sha256"], options, context)
        except Transient as error:  # it is not tried again: the job fails, and says what may be left
            raise DeliveryError(f"{context.checkpoint['key']!r} may be left there: {error}") from error
