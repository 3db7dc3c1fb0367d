"""``bourn jobs``, ``job``, ``cancel``, ``revoke``, ``sweep``."""

import json

import pytest

UNKNOWN = "0" * 48


@pytest.fixture
def job(run, home):
    return run.json("send", "-", input="2")["id"]


def test_jobs(run, job):
    other = run.json("send", "-", "-d", "letter", "-o", "subject=never", input="3")["id"]
    lines = run("jobs").stdout.splitlines()
    assert lines[0].split() == ["job", "stage", "to", "format", "asked", "for,", "UTC"]
    assert [line.split()[:4] for line in lines[1:]] == [
        [other, "FAILED", "letter", "text"],
        [job, "SUCCEEDED", "shelf", "text"],
    ]
    assert [each["id"] for each in run.json("jobs", "--stage", "failed")] == [other]
    assert len(run.json("jobs", "--limit", "1")) == 1
    assert all(len(line) <= 80 for line in run("jobs", columns=80).stdout.splitlines())


def test_job(run, job):
    out = run("job", job).stdout
    assert out.startswith(
        f"{job}\n  stage        SUCCEEDED\n  destination  shelf\n  format       text width=null ends=lf\n"
    )
    assert "\n  report       written: text\n" in out
    assert run.json("job", job)["id"] == job


def test_an_unknown_job(run, home):
    for command in ("job", "cancel", "revoke"):
        done = run(command, UNKNOWN)
        assert done.exit_code == 2
        assert done.stderr == f"Error: the ledger knows no job '{UNKNOWN}'; its record may have been swept away\n"
    done = run("job", UNKNOWN, "--json")
    assert json.loads(done.stdout)["error"]["code"] == "unknown-job"


def test_cancelling_a_job_that_has_ended_changes_nothing(run, job):
    done = run("cancel", job)
    assert done.exit_code == 0
    assert done.stdout == "It has ended already: SUCCEEDED.\n"
    assert run.json("cancel", job) == {"id": job, "cancelling": False, "stage": "SUCCEEDED"}


def test_revoke(run, job):
    assert run("revoke", job).stdout == "Its link does not work any more.\n"


def test_sweep(run, job):
    done = run("sweep")
    assert done.exit_code == 0
    assert done.stdout.startswith("Links that expired: 0. Artifacts erased: 0, 0 B.\n")
    assert run.json("sweep")["expired"] == 0


def test_the_beginning_of_an_id_will_do(run, monkeypatch):
    """Four digits or more, where no other job begins so."""
    ids = [run.json("send", "-", "--format", "text", input="2")["id"] for _ in range(2)]
    assert run.json("job", ids[0][:12])["id"] == ids[0]
    assert run.json("job", ids[1].upper()[:12])["id"] == ids[1]
    assert run("job", ids[0][:3]).exit_code == 2
    assert run("job", "x" * 8).exit_code == 2
    assert run("cancel", ids[0][:12]).stdout == "It has ended already: SUCCEEDED.\n"
    monkeypatch.setattr(run.session.engine, "ids_beginning", lambda prefix, limit: sorted(ids))
    done = run("job", "abcd")
    assert (done.exit_code, "several jobs begin with 'abcd'" in done.stderr) == (2, True)
    assert all(each in done.stderr for each in ids)


def test_a_link_that_is_revoked_is_not_shown_as_if_it_worked(run):
    job = run.json("send", "-", "--format", "text", input="2")["id"]
    assert run.json("job", job)["link"] == "works"
    url = run.json("job", job)["url"]
    assert url in run("job", job).stdout
    run("revoke", job[:12])
    output = run.json("job", job)
    assert (output["url"], output["link"]) == (None, "revoked")
    assert "link         revoked" in run("job", job).stdout
    assert url not in run("job", job).stdout


def test_a_link_that_expired_is_not_shown_either(session_of, clock):
    from bourn.cli.commands import bourn
    from click.testing import CliRunner

    session = session_of(clock=clock)
    job = session.compute(2, format="json", block=False)
    job.wait()
    clock.move(days=10, seconds=1)
    assert "link         expired" in CliRunner().invoke(bourn, ["job", job.id], obj=session).stdout
