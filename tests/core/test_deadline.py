"""Time limits end the wait for what does not answer, and nothing else."""

import threading
import time

import pytest
from bourn.deadline import call_within_limit, remaining_seconds, time_limit


def test_without_a_limit_a_call_stays_in_its_thread():
    assert remaining_seconds() is None
    assert call_within_limit(threading.current_thread, "x") is threading.current_thread()
    with time_limit(None):
        assert remaining_seconds() is None


def test_the_earlier_limit_counts():
    with time_limit(9), time_limit(30):
        assert remaining_seconds() <= 9
    with time_limit(30), time_limit(9):
        assert remaining_seconds() <= 9
    assert remaining_seconds() is None


def test_what_does_not_answer_ends_in_time():
    answer = threading.Event()
    before = time.monotonic()
    with time_limit(0.1), pytest.raises(TimeoutError, match="the store did not answer in the time given"):
        call_within_limit(lambda: answer.wait(20), "the store")
    assert time.monotonic() - before < 5
    answer.set()


def test_answers_and_errors_come_through():
    with time_limit(20):
        assert call_within_limit(lambda: 7, "x") == 7
        with pytest.raises(KeyError):
            call_within_limit(lambda: {}["x"], "x")
