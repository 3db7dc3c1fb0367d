"""Jobs of other users of one ledger: not seen and not changed, unless the settings say that a team shares it."""

import pytest
from bourn.errors import UnknownJob


@pytest.fixture
def users(make):
    def users(**settings):
        return (make(settings={"principal": name, **settings}) for name in ("ann", "bob"))

    return users


def test_jobs_of_others_look_as_if_there_were_none(users, gate):
    ann, bob = users()
    done = ann.compute({"secret": 42}, block=False).wait()
    running = ann.compute(gate.wait, block=False)
    for job in done, running:
        with pytest.raises(UnknownJob) as other:
            bob.job(job.id)
        with pytest.raises(UnknownJob) as none:
            bob.job("0" * 48)
        assert str(other.value).replace(job.id, "") == str(none.value).replace("0" * 48, "")
        with pytest.raises(UnknownJob):
            bob.revoke(job.id)
    assert list(bob.jobs()) == []
    assert bob.engine.ids_beginning(done.id[:8], limit=5) == []
    assert [job.id for job in ann.jobs(limit=None)] == [running.id, done.id]
    gate.go.set()
    assert running.result() == 1


def test_a_team_that_shares_its_ledger_shares_its_jobs(users, gate):
    ann, bob = users(shared_ledger=True)
    done = ann.compute(2, block=False).wait()
    running = ann.compute(gate.wait, block=False)
    assert gate.started.wait(60)
    assert bob.job(done.id).result() == 2
    assert {job.id for job in bob.jobs()} == {done.id, running.id}
    assert bob.revoke(done.id)
    assert bob.job(running.id).cancel()
    gate.go.set()
