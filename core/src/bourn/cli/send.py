"""``bourn send``: a file or a callable as a result."""

from __future__ import annotations

import json
import sys
import warnings
from typing import TYPE_CHECKING, Any

import click

from bourn.cli.commands import pass_session
from bourn.cli.failure import status_of
from bourn.cli.input import read_input
from bourn.cli.interrupt import cancelled_by_interrupt, interrupts_held
from bourn.cli.job_text import job_as_json, link_until
from bourn.cli.plan_text import plan_page
from bourn.cli.suggestions import PluginsOptions, schema_of
from bourn.cli.terminal import as_json_option, console, notify, print_json, print_lines
from bourn.cli.values import KeyValue, options_from
from bourn.errors import JobError, Problem, RequestError
from bourn.job.change_warning import change_message
from bourn.wording import escape_controls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn.dispatch.plan import Plan
    from bourn.job.job import Job
    from bourn.session import Session

__all__ = ["send_command"]

Pairs = tuple[tuple[str, str], ...]


@click.command("send", cls=PluginsOptions)
@click.argument("given", metavar="INPUT")
@click.option("--destination", "-d", "destinations", multiple=True, metavar="NAME", help="Where to; again for several.")
@click.option("--format", "-F", "written", metavar="NAME", help="How it is written.")
@click.option("-o", "options", type=KeyValue(), multiple=True, help="An option of the destination.")
@click.option("-f", "format_options", type=KeyValue(), multiple=True, help="An option of the format.")
@click.option(
    "--select",
    "selected",
    type=KeyValue(),
    multiple=True,
    help="What is taken of INPUT: variable, group or a dimension of netCDF, HDF5 and Zarr (time=2026-01-01, x=1..9); "
    "separator and encoding of CSV.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--file", type=click.Path(dir_okay=False), help="Write the result to this file, too.")
@click.option(
    "--wait/--no-wait",
    default=True,
    help="Whether to wait for the end, or print the job's id at once; the process stays until its job is done.",
)
@click.option("--name", metavar="NAME", help="The name of the file, in the link and where it goes.")
@click.option(
    "--key", metavar="TEXT", help="Makes it idempotent: a second call with this key gives the first one's job."
)
@click.option("--expires-after", metavar="DURATION", help="How long the link works: 2d, 12h, P2D.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Stop it after that.")
@click.option("--quiet", "-q", is_flag=True, help="Print where the result is, and nothing else.")
@as_json_option
@pass_session
def send_command(  # noqa: PLR0913  # one argument an option
    session: Session,
    given: str,
    *,
    destinations: tuple[str, ...],
    written: str | None,
    options: Pairs,
    format_options: Pairs,
    selected: Pairs,
    only_plan: bool,
    file: str | None,
    wait: bool,
    name: str | None,
    key: str | None,
    expires_after: str | None,
    timeout: float | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Send a result to where it should go.

    INPUT is a raster (.tif, .jp2, .png, ...), arrays (.npy, .npz), a table (.parquet, .arrow, .feather, .csv, .tsv), a
    dataset (.nc, .h5, .zarr), JSON (.json, .jsonl, or - for standard input), or module:callable, which is called
    without arguments. No file but this one is opened. Values of options are JSON where the option is not text.

    \b
    bourn send scene.tif --format geotiff -f compression=ZSTD
    bourn send scene.tif --destination email -o to=me@example.org
    echo '{"a": 1}' | bourn send - --format json --file a.json
    """  # noqa: D301  # the backspace tells click to keep the lines below as they are
    request = {
        "destination": _destination(session, destinations, options),
        "format": _format(session, written, format_options),
        "name": name,
        "expires_after": expires_after,
        "key": key,
    }
    obj = read_input(given, dict(selected), limit=session.settings.largest_input_bytes)
    if only_plan or file is not None:
        planned = session.plan(obj, file=file, block=wait, **request)
        plans = planned if isinstance(planned, list) else [planned]
        if only_plan:
            _print_plans(plans, as_json=as_json)
            return
        request["format"] = dict(plans[0].format)  # of a file there is one plan, and its suffix may say the format
    jobs: list[Job] = []
    with cancelled_by_interrupt(jobs):
        with interrupts_held():  # a job must be known before it can be cancelled
            started = session.compute(obj, block=False, timeout=timeout, **request)
            jobs += started if isinstance(started, list) else [started]
        if not wait:
            _print_jobs(session, jobs, as_json=as_json)
            sys.stdout.flush()
            _exit_with(_wait(jobs, timeout, bar=False))
            return
        if not (quiet or as_json):
            _print_notes(jobs)
        failures = _wait(jobs, timeout, bar=sys.stderr.isatty() and not (quiet or as_json))
    _print_ends(session, jobs, as_json=as_json, quiet=quiet)
    if not (quiet or as_json):
        _print_changes(jobs)
    _exit_with(failures)
    if file is not None:
        jobs[0].result_to_file(file)


def _exit_with(failures: Sequence[tuple[Job, JobError]]) -> None:
    """Print why jobs did not succeed, and exit with the status for it; return where all did."""
    for job, error in failures:
        notify(f"Error: job {job.id}: {error.message}")
    if failures:
        click.get_current_context().exit(max(status_of(error) for _, error in failures))


def _destination(session: Session, names: Sequence[str], pairs: Pairs) -> Any:
    """Return the destination, or a list of them; an option is given to each that has one of this name."""
    asked = names or (session.settings.default_destination,)
    schemas = [schema_of(session, "destination", name) for name in asked]
    known = {key.partition(".")[0] for schema in schemas for key in schema.get("properties", {})}
    references = []
    for name, schema in zip(asked, schemas, strict=True):
        # An option that none of them has goes to all, so that the error says it.
        mine = [(key, text) for key, text in pairs if _has(schema, key) or key.partition(".")[0] not in known]
        references.append(_reference("destination", name, options_from(mine, schema)))
    return references if len(references) > 1 else references[0]


def _format(session: Session, name: str | None, pairs: Pairs) -> Any:
    if name is None:
        if pairs:
            msg = "-f is an option of a format; say which one, by --format"
            raise click.UsageError(msg)
        return None
    return _reference("format", name, options_from(pairs, schema_of(session, "format", name)))


def _reference(role: str, name: str, options: dict[str, Any]) -> Any:
    """Return a name, or a mapping; a whole mapping may be given as JSON in place of a name."""
    if not name.lstrip().startswith("{"):
        return {"type": name, **options} if options else name
    try:
        mapping = json.loads(name)
    except ValueError as error:
        raise RequestError([Problem(role, f"begins as JSON and is not: {error}")]) from error
    return {**mapping, **options}


def _has(schema: dict[str, Any], key: str) -> bool:
    return key.partition(".")[0] in schema.get("properties", {})


def _print_plans(plans: Sequence[Plan], *, as_json: bool) -> None:
    for number, plan in enumerate(plans):
        if as_json:
            print_json(plan.as_json(), compact=len(plans) > 1)
        else:
            print_lines(([""] if number else []) + plan_page(plan, console()))
    if not as_json:
        notify("Nothing was computed, and nothing was sent.")


def _print_notes(jobs: Sequence[Job]) -> None:
    """Print what was decided about the request; as JSON it is part of the document."""
    for message in dict.fromkeys(note.message for job in jobs for note in job.plan.notes):
        for line in console().wrapped(f"Note: {message}", 0, 6):
            notify(line)


def _print_changes(jobs: Sequence[Job]) -> None:
    """Print what the formats changed; as JSON it is part of the document."""
    if message := change_message([job for job in jobs if job.stage == "SUCCEEDED"]):
        for line in console().wrapped(f"Warning: {message}", 0, 9):
            notify(line)


def _wait(jobs: Sequence[Job], timeout: float | None, *, bar: bool) -> list[tuple[Job, JobError]]:
    """Wait for all; return those that did not succeed."""
    failures = []
    for job in jobs:
        try:
            job.wait(timeout, progress_bar=bar)
        except JobError as error:
            failures.append((job, error))
    return failures


def _print_jobs(session: Session, jobs: Sequence[Job], *, as_json: bool) -> None:
    for job in jobs:
        if as_json:
            described = {**job_as_json(session, job), "notes": [note.message for note in job.plan.notes]}
            print_json(described, compact=True)
        else:
            click.echo(job.id)


def _print_ends(session: Session, jobs: Sequence[Job], *, as_json: bool, quiet: bool) -> None:
    """Print the address of each result to standard output, and until when a link works to standard error."""
    if as_json:
        _print_jobs(session, jobs, as_json=True)
        return
    for job in jobs:
        if job.stage != "SUCCEEDED":
            continue
        plugin, receipt = job.plan.chosen_destination.plugin, job.receipt
        if not plugin.gives_data and plugin.loads_alone() and (receipt is None or receipt.url is None):
            _print_given(job)
            continue
        if job.url is not None:
            click.echo(escape_controls(job.url))
        until = link_until(session, job)
        if until is not None and not quiet:
            notify(f"The link works until {until}.")


def _print_given(job: Job) -> None:
    """Print what a destination gives that returns neither data nor an address: what `compute` returns.

    It stays when the link to the bytes has expired. Warnings of `compute` are printed without a place in the code.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        given = job.result()
    click.echo(escape_controls(str(given)))
    for warning in caught:
        notify(f"Warning: {warning.message}")
