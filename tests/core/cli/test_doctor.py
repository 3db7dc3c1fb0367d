"""``bourn doctor``."""

import stat

import pytest


class Broken:
    pass


def test_all_is_well(run):
    done = run("doctor")
    assert done.exit_code == 0
    parts = done.stdout.partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in parts if not line.startswith(" ")] == [
        "bourn", "python", "settings", "home", "ledger", "store", "links",
    ]  # fmt: skip
    assert "revision 0" in done.stdout
    assert "can be written" in done.stdout
    assert done.stdout.endswith("No problems.\n")


def test_a_broken_plugin_is_named_with_its_distribution(run_over):
    run = run_over(formats={"bad": Broken, "worse": 3})
    done = run("doctor")
    assert done.exit_code == 1
    assert "  format  bad    given 0  broken\n" in done.stdout
    assert "\nProblems\n  format bad (given 0)\n      " in done.stdout
    output = run.json("doctor")
    assert [problem["what"] for problem in output["problems"]] == ["format bad", "format worse"]
    assert {problem["distribution"] for problem in output["problems"]} == {"given"}


def test_a_ledger_out_of_reach_is_one_problem(session_of, tmp_path):
    from bourn.cli.commands import bourn
    from bourn.contract.option import Secret
    from click.testing import CliRunner

    (tmp_path / "file").touch(mode=stat.S_IRUSR)
    url = f"sqlite:///{tmp_path}/file/ledger.db"
    session = session_of(settings={"database_url": Secret(url)}, formats={})
    done = CliRunner().invoke(bourn, ["doctor"], obj=session)
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert "\nProblems\n  ledger\n      " in done.stdout


def test_a_password_is_not_shown(session_of):
    from bourn.cli.commands import bourn
    from bourn.contract.option import Secret
    from click.testing import CliRunner

    session = session_of(settings={"database_url": Secret("postgresql://u:hunter2@127.0.0.1:1/x")}, formats={})
    assert "hunter2" not in CliRunner().invoke(bourn, ["doctor"], obj=session).output


@pytest.fixture
def doctor(home, tmp_path):
    """Runs it over settings from a file, as a session finds them."""

    def run(toml, **environment):
        from bourn import Session
        from bourn.cli.commands import bourn
        from click.testing import CliRunner

        (tmp_path / "bourn.toml").write_text(toml)
        environment |= {"BOURN_SETTINGS": str(tmp_path / "bourn.toml")}
        return CliRunner(env={**environment, "COLUMNS": "100"}).invoke(bourn, ["doctor"], obj=Session())

    return run


def test_settings_that_cant_be_read_are_reported_once(doctor):
    done = doctor("workers = 'x\n")
    assert done.exit_code == 1
    assert " ".join(done.output.split()).count("can't be read") == 1
    assert "\nsettings  does not work; see below\n" in done.stdout


def test_a_section_of_no_plugin_is_a_problem_that_names_the_nearest(doctor):
    done = doctor("[plugins.downlaod]\nx = 1\n")
    assert done.exit_code == 0  # the plugin may be installed on another machine that has the same file
    said = " ".join(done.output.split())
    assert said.count("the settings of plugin 'downlaod' are not used") == 1
    assert "did you mean 'download'?" in said


def test_a_plugins_own_settings_are_looked_at(doctor):
    done = doctor("[plugins.download]\nx = 1\n")
    assert done.exit_code == 1
    assert "plugins.download.x unknown option" in " ".join(done.stdout.split())


def test_nothing_moves_the_cursor(doctor):
    """Neither a key in the file nor an argument that click quotes."""
    assert "\x1b" not in doctor('"\\u001b[31mx" = 1\n').output
