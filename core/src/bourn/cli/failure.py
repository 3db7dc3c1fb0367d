"""How an error is shown: a text on standard error, JSON where the command prints it, and the exit status."""

from __future__ import annotations

import os
from typing import IO, Any

import click

from bourn.cli.terminal import print_json
from bourn.errors import (
    BournError,
    JobError,
    RequestError,
    RequestTypeError,
    SettingsError,
    UnknownJob,
)
from bourn.wording import escape_controls, hide_credentials

__all__ = ["INTERRUPTED", "Failure", "described", "status_of"]

FAILED = 1
BAD_REQUEST = 2
INTERRUPTED = 130
"""The exit status of shells for SIGINT."""


def status_of(error: BaseException) -> int:
    """Return 2 where the request is wrong, 1 where it failed."""
    return BAD_REQUEST if isinstance(error, RequestError | RequestTypeError | SettingsError | UnknownJob) else FAILED


def described(error: BournError) -> dict[str, Any]:
    """Return an error as JSON."""
    described_error: dict[str, Any] = {"code": error.code, "message": hide_credentials(error.message)}
    if isinstance(error, RequestError):
        described_error["problems"] = [problem._asdict() for problem in error.problems]
    if isinstance(error, JobError) and error.job is not None:
        described_error["job"] = error.job.id
    return described_error


class Failure(click.ClickException):
    """An error of bourn for click; also as JSON on standard output, where the command prints JSON."""

    def __init__(self, error: BournError, context: click.Context | None = None) -> None:
        super().__init__(escape_controls(hide_credentials(error.message)) or type(error).__name__)
        self.error = error
        # click declares it for the class and reads it from the object.
        self.exit_code = status_of(error)  # type: ignore[misc]
        self._as_json = context is not None and bool(context.params.get("as_json"))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it."""
        if self._as_json:
            print_json({"error": described(self.error)}, compact=True)
        click.echo(f"Error: {self.message}", file=file, err=True)


def of_the_system(error: OSError) -> click.ClickException:
    """Return an I/O error as one that click prints, without a traceback."""
    where = f"{os.fspath(error.filename)}: " if isinstance(error.filename, str | os.PathLike) else ""
    return click.ClickException(hide_credentials(f"{where}{error.strerror or error}"))
