"""What holds for every command: help, exit statuses, errors without tracebacks, commands of plugins."""

import sys

import click
import pytest
from bourn.plugin import hookimpl

OWN = [
    "send", "list", "show", "matrix", "schema", "docs", "doctor", "trust", "jobs", "job", "cancel", "extend", "revoke",
    "serve", "sweep", "demo", "new",
]  # fmt: skip


def test_help_lists_every_command(run):
    done = run("--help")
    assert done.exit_code == 0
    listed = done.stdout.partition("Commands:\n")[2]
    assert [line.split()[0] for line in listed.splitlines()][: len(OWN)] == OWN  # those of plugins follow


def test_help_is_not_cut_at_80_columns(run):
    assert "..." not in run("--help", columns=80).stdout.partition("Commands:")[2]


@pytest.mark.parametrize("command", OWN)
def test_every_command_has_its_help(run, command):
    done = run(command, "-h")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: bourn {command}")


def test_an_unknown_command_names_the_nearest(run):
    done = run("lst")
    assert done.exit_code == 2
    assert done.stderr.endswith("Error: No such command 'lst'. Did you mean 'list'?\n")


def test_version(run):
    import bourn

    assert run("--version").stdout == f"bourn {bourn.__version__}\n"


@hookimpl
def bourn_commands(group):
    @group.command("shelves")
    def shelves():
        """All shelves."""
        click.echo("one shelf")


def test_a_plugin_adds_commands(run_over):
    run = run_over(hooks=[sys.modules[__name__]])
    assert run("shelves").stdout == "one shelf\n"
    assert "shelves  All shelves." in run("--help").stdout


def hooks_that(do):
    class Hooks:
        bourn_commands = staticmethod(hookimpl(do))

    Hooks.bourn_commands.__name__ = "bourn_commands"
    return Hooks()


def test_a_plugin_whose_commands_fail_costs_a_line(run_over):
    """The others' commands are there, and so are ours."""

    def bourn_commands(group):
        raise RuntimeError("no")

    run = run_over(hooks=[hooks_that(bourn_commands), sys.modules[__name__]])
    done = run("--help")
    assert done.exit_code == 0
    assert "shelves" in done.stdout
    assert done.stderr == "Warning: hooks of given 0: bourn_commands fails: RuntimeError: no\n"


def test_a_plugin_cannot_take_our_commands(run_over):
    def bourn_commands(group):
        group.add_command(click.Command("send"))

    run = run_over(hooks=[hooks_that(bourn_commands)])
    assert "Send a result" in run("send", "--help").stdout
    assert "there is a command 'send' already" in run("--help").stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["show", "sehlf"], 2),
        (["job", "0" * 48], 2),
        (["cancel", "x"], 2),
        (["revoke", "../x"], 2),
        (["jobs", "--stage", "DONE"], 2),
        (["jobs", "--limit", "0"], 2),
        (["send", "nothing.json"], 2),
        (["send"], 2),
        (["serve", "--port", "99999"], 2),
        (["list"], 0),
        (["jobs"], 0),
    ],
)
def test_exit_statuses(run, arguments, status):
    done = run(*arguments)
    assert done.exit_code == status
    assert "Traceback" not in done.output
    assert bool(done.stderr) == bool(status)


def test_broken_settings_are_reported_and_help_works(home, monkeypatch):
    from bourn.cli.commands import bourn
    from bourn.session import Session
    from click.testing import CliRunner

    monkeypatch.setenv("BOURN_WROKERS", "3")
    session = Session()
    done = CliRunner().invoke(bourn, ["send", "-", "--format", "json"], obj=session, input="2")
    assert done.exit_code == 2
    assert "BOURN_WROKERS  unknown option; did you mean 'workers'?" in done.stderr
    assert CliRunner().invoke(bourn, ["--help"], obj=session).exit_code == 0
    done = CliRunner().invoke(bourn, ["doctor"], obj=session)
    assert done.exit_code == 1
    assert "BOURN_WROKERS" in done.stdout


def test_stages_are_those_of_the_ledger():
    from bourn.cli.jobs import STAGES
    from bourn.ledger.stages import Stage

    assert tuple(map(str, Stage)) == STAGES


def test_no_error_shows_credentials_or_control_characters(run_over):
    from bourn.errors import BournError

    def bourn_commands(group):
        @group.command("fails")
        def fails():
            msg = "no answer from smtp://ann:hunter2@mail.example?key=hunter2 \x1b[2J"
            raise BournError(msg)

    said = run_over(hooks=[hooks_that(bourn_commands)])("fails").stderr
    assert said == "Error: no answer from smtp://***@mail.example?*** \\x1b[2J\n"
