"""Who carries a job out: the thread that waits for it, where it may; never more at a time than there are places."""

import threading
import time

import bourn
import pytest
from bourn import Session, Settings


@pytest.fixture
def session(tmp_path):
    session = Session(Settings(home=str(tmp_path), workers=2))
    session.compute(0)
    yield session
    session.close()


def name():
    return threading.current_thread().name


def in_thread(work, **more):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(work()), name="mine", **more)
    thread.start()
    return thread, answers


def answer_of(work):
    thread, answers = in_thread(work)
    thread.join(30)
    return answers[0]


def test_a_thread_that_waits_does_it_by_itself(session):
    assert answer_of(lambda: session.compute(name)) == "mine"


def test_the_main_thread_has_it_done_for_ctrl_c_is_raised_there(session):
    assert session.compute(name).startswith("bourn-job")


@pytest.mark.parametrize("more", [{"timeout": 30}, {"progress_bar": True}])
def test_who_does_more_than_wait_has_it_done(session, more):
    assert answer_of(lambda: session.compute(name, **more)).startswith("bourn-job")


def test_who_does_not_wait_has_it_done(session):
    assert answer_of(lambda: session.compute(name, block=False).result()).startswith("bourn-job")


def test_a_job_of_a_job_that_is_waited_for_needs_no_place_of_its_own(session):
    """Two jobs in two places, each of which waits for another one."""
    threads = [in_thread(lambda: session.compute(lambda: session.compute(name))) for _ in range(4)]
    for thread, answers in threads:
        thread.join(30)
        assert answers
    assert session.compute(lambda: session.compute(name)).startswith("bourn-job")


def test_no_more_than_there_are_places_go_on_at_a_time(session):
    guard, now, most = threading.Lock(), [0], [0]

    def work():
        with guard:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with guard:
            now[0] -= 1

    threads = [in_thread(lambda: session.compute(work))[0] for _ in range(12)]
    jobs = [session.compute(work, block=False) for _ in range(6)]
    for thread in threads:
        thread.join(30)
    for job in jobs:
        job.wait()
    assert most == [2]


def test_what_goes_wrong_in_a_thread_of_ones_own_gives_the_place_back(session):
    def fail():
        with pytest.raises(bourn.errors.JobFailed):
            session.compute(lambda: 1 / 0)
        return True

    assert all(answer_of(fail) for _ in range(5))
    assert answer_of(lambda: session.compute(name)) == "mine"


def test_another_thread_cancels_what_one_carries_out_by_itself(session):
    began, seen = threading.Event(), []

    def work():
        began.set()
        time.sleep(0.3)

    def ask():
        try:
            session.compute(work)
        except bourn.errors.JobCancelled:
            seen.append("cancelled")

    thread, _ = in_thread(ask)
    began.wait(30)
    (job,) = [job for job in session.jobs() if not job.done]
    assert job.cancel()
    thread.join(30)
    assert (seen, job.refresh().stage) == (["cancelled"], "CANCELLED")
