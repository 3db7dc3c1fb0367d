"""``bourn doctor``."""

import stat


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
    told = run.json("doctor")
    assert [problem["what"] for problem in told["problems"]] == ["format bad", "format worse"]
    assert {problem["distribution"] for problem in told["problems"]} == {"given"}


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
