"""The result of a job, loaded from its artifact."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

from bourn.errors import BournError, JobError, PluginError, StoreError
from bourn.job.context import DeliveryContext
from bourn.job.running_job import RunningJob

if TYPE_CHECKING:
    from bourn.contract.artifact import Artifact
    from bourn.contract.receipt import Receipt
    from bourn.dispatch.plan import Plan
    from bourn.job.services import Services

__all__ = ["load"]

SMALL_BYTES = 64 * 1024


def load(job_id: str, plan: Plan, receipt: Receipt, artifact: Artifact, services: Services) -> Any:
    """Return what the destination gives; else the Python object, where the format gives one back; else the bytes.

    Raises
    ------
    JobError
        The bytes are missing.
    DamagedError
        They are not those that were stored.
    PluginError
        The destination's `load` or the format's `decode` raised.
    StoreError
        The store is out of reach.
    """
    to, written = plan.chosen_destination, plan.chosen_format
    _check_whole(job_id, artifact, services)
    try:
        if to.plugin.loads_alone():
            delivery_id = artifact.key.rpartition("/")[2].removesuffix(artifact.suffix)
            job = RunningJob(
                job_id=job_id, delivery_id=delivery_id, epoch=0, plan=plan,
                principal=services.settings.principal, filename=artifact.filename,
            )  # fmt: skip
            return to.plugin.load(receipt, artifact, DeliveryContext(services, job))
        if written.plugin.decodes:
            with services.reader.open(artifact) as source:
                return written.plugin.decode(_in_memory(source, artifact), written.options)
        with services.reader.stream(artifact) as source:
            return source.read()
    except (BournError, KeyboardInterrupt):
        raise
    except FileNotFoundError as error:
        raise _lost(job_id, "is gone") from error
    except OSError as error:
        raise _unread(job_id, error) from error
    except BaseException as error:  # third-party code, which may raise SystemExit, too
        msg = f"the result of job {job_id} can't be loaded: {type(error).__name__}: {error}"
        raise PluginError(msg, name=to.name, distribution=to.distribution, version=to.version) from error


def _in_memory(source: BinaryIO, artifact: Artifact) -> BinaryIO:
    """Return a small file in memory: each call to the file itself may yield to another thread."""
    return io.BytesIO(source.read()) if artifact.size_bytes <= SMALL_BYTES else source


def _check_whole(job_id: str, artifact: Artifact, services: Services) -> None:
    try:
        size = services.store.size(artifact.key)
    except OSError as error:
        raise _unread(job_id, error) from error
    if size != artifact.size_bytes:
        raise _lost(job_id, "is gone" if size is None else f"has {size} bytes and should have {artifact.size_bytes}")


def _lost(job_id: str, how: str) -> JobError:
    return JobError(f"the data of job {job_id} {how}: the store was changed from outside")


def _unread(job_id: str, error: OSError) -> StoreError:
    return StoreError(f"the data of job {job_id} can't be read from the store now: {error}")
