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
