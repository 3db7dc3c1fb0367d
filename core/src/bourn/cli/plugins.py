"""What is installed: ``bourn list``, ``show``, ``matrix``, ``schema``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bourn.cli.commands import pass_session
from bourn.cli.terminal import as_json_option, console, print_json, print_lines
from bourn.describe import text
from bourn.errors import UnknownPlugin
from bourn.wording import nearest

if TYPE_CHECKING:
    from bourn.errors import Problem
    from bourn.plugins.registry import Registry
    from bourn.plugins.spec import Spec
    from bourn.session import Session

__all__ = ["docs_command", "list_command", "matrix_command", "schema_command", "show_command", "specs_of"]

KINDS = ("value", "array", "image", "table", "features")
"""As in `bourn.results.info`, which a help text need not import; a test compares the two."""


@click.command("list")
@as_json_option
@pass_session
def list_command(session: Session, *, as_json: bool) -> None:
    """List what is installed, with its distributions."""
    if as_json:
        print_json({key: value for key, value in session.registry.describe().items() if key != "matrix"})
    else:
        print_lines(text.listing(session.registry, console()))


@click.command("show")
@click.argument("name")
@as_json_option
@pass_session
def show_command(session: Session, name: str, *, as_json: bool) -> None:
    """Show a destination or a format.

    Its options with their limits, what it goes together with, and examples.
    """
    specs = specs_of(session.registry, name)
    if as_json:
        described = session.registry.describe()
        print_json([described[f"{spec.role}s"][spec.name] for spec in specs])
        return
    for number, spec in enumerate(specs):
        print_lines(([""] if number else []) + text.page(spec, session.registry, console()))


@click.command("matrix")
@as_json_option
@pass_session
def matrix_command(session: Session, *, as_json: bool) -> None:
    """Show what goes together.

    Which kinds of result pass in which format to which destination, and why others do not.
    """
    if as_json:
        print_json(session.registry.describe()["matrix"])
    else:
        print_lines(text.pairs(session.registry, console()))


@click.command("schema")
@click.argument("name", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="Of requests for a result of this kind only.")
@click.option("--any-case", is_flag=True, help="Let names and choices pass in any case, as bourn takes them.")
@click.option(
    "--openapi", "form", flag_value="openapi", help="As a fragment of OpenAPI 3.1, with what `serve` answers."
)
@click.option("--openeo", "form", flag_value="openeo", help="The formats as openEO lists them at /file_formats.")
@pass_session
def schema_command(session: Session, name: str | None, *, kind: str | None, any_case: bool, form: str | None) -> None:
    """Print the JSON Schema of a plugin, or of a request.

    Of the options of NAME; without a name that of a whole request, by which editors complete it.
    """
    if name is not None:
        if kind or any_case or form:
            msg = "the options are for the schema of a whole request; leave NAME out"
            raise click.UsageError(msg)
        schemas: dict[str, Any] = {spec.role: spec.schema for spec in specs_of(session.registry, name)}
        # A name that is both a destination and a format gives both, by role.
        print_json(schemas if len(schemas) > 1 else next(iter(schemas.values())))
        return
    described = session.registry.describe()
    if form == "openeo":
        from bourn.describe.openeo import file_formats  # each form imports only its own module

        print_json(file_formats(described))
    elif form == "openapi":
        from bourn import __version__
        from bourn.describe.openapi import openapi

        print_json(openapi(described, __version__, defaults=session.defaults))
    else:
        from bourn.describe.schema import request_schema

        print_json(request_schema(described, kind=kind, any_case=any_case, defaults=session.defaults))


@click.command("docs")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@as_json_option
@pass_session
def docs_command(session: Session, folder: Path, *, as_json: bool) -> None:
    """Write documentation of what is installed.

    A page for each destination and format, the matrix, the errors, in Markdown; the schema of a request, and all of it
    as JSON. Written anew, it follows what is installed; a file that is none of its own is never overwritten.
    """
    from bourn.describe.schema import request_schema  # imported for this command only
    from bourn.describe.tree import write_tree

    described = session.registry.describe()
    files = write_tree(described, folder, request_schema(described, defaults=session.defaults))
    if as_json:
        print_json([str(file) for file in files])
    else:
        print_lines([f"{len(files)} files in {folder}; begin with {files[0]}."])


def specs_of(registry: Registry, name: str) -> list[Spec]:
    """Return the plugins of that name: a destination, a format, or one of each.

    Raises
    ------
    UnknownPlugin
        In the words of the registry, about the role in which there is a name like it.
    """
    folded = name.lower()
    found = [named[folded] for named in (registry.destinations, registry.formats) if folded in named]
    if found:
        return found
    suggestion = nearest(folded, [*registry.destinations, *registry.formats])
    roles = [role for role in ("destination", "format") if suggestion in getattr(registry, f"{role}s")]
    problems: list[Problem] = []
    for role in roles or ("destination", "format"):
        try:
            registry.find(role, name)
        except UnknownPlugin as error:
            problems += error.problems
    raise UnknownPlugin(problems, about="the name")
