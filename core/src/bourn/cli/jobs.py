"""Jobs of the ledger: ``bourn jobs``, ``job``, ``cancel``, ``extend``, ``revoke``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bourn.cli.commands import pass_session
from bourn.cli.job_text import job_as_json, job_page
from bourn.cli.terminal import as_json_option, console, print_json, print_lines
from bourn.errors import UnknownJob
from bourn.wording import shown

if TYPE_CHECKING:
    from bourn.job.job import Job
    from bourn.session import Session

__all__ = ["cancel_command", "extend_command", "job_command", "jobs_command", "revoke_command"]

STAGES = ("QUEUED", "PREPARING", "RUNNING", "SAVING", "SUCCEEDED", "FAILED", "CANCELLED")
"""Those of the ledger, which is not imported for a help text; a test compares the two."""

WHOLE = 48
"""Digits of an id."""

MOST_NAMED = 5
"""How many jobs a message names."""

NARROW = 100
"""Below this width a table of jobs has no column of times: ids are never cut."""


LEAST = 4
"""The fewest digits of an id that select a job: with fewer a typing error could select another one."""


def found(session: Session, given: str) -> Job:
    """Return the job of that id, or the only one whose id begins with it.

    Raises
    ------
    UnknownJob
        There is none, or there are several.
    """
    prefix = given.strip().lower()
    if len(prefix) < LEAST or len(prefix) >= WHOLE or not set(prefix) <= set("0123456789abcdef"):
        return session.job(given)
    ids = session.engine.ids_beginning(prefix, limit=MOST_NAMED + 1)
    if len(ids) > 1:
        more = ", ..." if len(ids) > MOST_NAMED else ""
        msg = f"several jobs begin with {shown(given)}: {', '.join(ids[:MOST_NAMED])}{more}"
        raise UnknownJob(msg)
    return session.job(ids[0] if ids else given)


@click.command("jobs")
@click.option("--stage", type=click.Choice(STAGES, case_sensitive=False), help="Only those at this stage.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@as_json_option
@pass_session
def jobs_command(session: Session, *, stage: str | None, limit: int, as_json: bool) -> None:
    """List the jobs, the newest first."""
    jobs = session.jobs(stage=stage, limit=limit)
    if as_json:
        print_json([job_as_json(session, job) for job in jobs])
        return
    if not jobs:
        print_lines(["There are no jobs."])
        return
    head = ["job", "stage", "to", "format", "asked for, UTC"]
    rows = [
        [job.id, job.stage, str(job.destination.get("type")), str(job.format.get("type")),
         f"{job.created_datetime:%Y-%m-%d %H:%M}"]
        for job in jobs
    ]  # fmt: skip
    columns = len(head) if console().width >= NARROW else len(head) - 1
    print_lines(console().table([row[:columns] for row in rows], head=head[:columns], indent=0, wrap=()))


@click.command("job")
@click.argument("job_id", metavar="ID")
@as_json_option
@pass_session
def job_command(session: Session, job_id: str, *, as_json: bool) -> None:
    """Show the status of a job.

    Of its ID the first four digits or more will do, here and for `cancel` and `revoke`, where no other job begins so.
    """
    job = found(session, job_id)
    if as_json:
        print_json(job_as_json(session, job))
    else:
        print_lines(job_page(session, job, console()))


@click.command("cancel")
@click.argument("job_id", metavar="ID")
@as_json_option
@pass_session
def cancel_command(session: Session, job_id: str, *, as_json: bool) -> None:
    """Cancel a job.

    Whichever process runs it; one that has ended stays as it is.
    """
    job = found(session, job_id)
    asked = job.cancel()
    stage = job.refresh().stage
    if as_json:
        print_json({"id": job.id, "cancelling": asked, "stage": stage})
    elif not asked:
        print_lines([f"It has ended already: {stage}."])
    else:
        print_lines(["It is cancelled." if stage == "CANCELLED" else f"It will be cancelled; it is at {stage} now."])


@click.command("extend")
@click.argument("job_id", metavar="ID")
@click.option("--for", "expires_after", metavar="DURATION", help="2d, 12h, P2D; by default the setting link_days.")
@as_json_option
@pass_session
def extend_command(session: Session, job_id: str, *, expires_after: str | None, as_json: bool) -> None:
    """Have the link of a job work for longer, from now on."""
    job = found(session, job_id)
    until = job.extend(expires_after)
    if as_json:
        print_json({"id": job.id, "expires": until.isoformat()})
    else:
        print_lines([f"Its link works until {until:%Y-%m-%d %H:%M} UTC."])


@click.command("revoke")
@click.argument("job_id", metavar="ID")
@as_json_option
@pass_session
def revoke_command(session: Session, job_id: str, *, as_json: bool) -> None:
    """End the link of a job now."""
    job = found(session, job_id)
    revoked = session.revoke(job.id)
    if as_json:
        print_json({"id": job.id, "revoked": revoked})
    else:
        print_lines(["Its link does not work any more." if revoked else "It has no link."])
    if not revoked:
        click.get_current_context().exit(1)
