"""Locks that other threads hold when a process forks."""

import os
import threading
import time

import pytest
from bourn import fork
from bourn.fork import ForkSafeLock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def in_child(work):
    pid = os.fork()
    if pid == 0:
        try:
            threading.Timer(20, os._exit, (2,)).start()
            work()
        except BaseException:  # noqa: BLE001
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def hold(lock, seconds):
    taken = threading.Event()
    state = []

    def work():
        with lock:
            taken.set()
            time.sleep(seconds)
            state.append("whole")

    thread = threading.Thread(target=work)
    thread.start()
    assert taken.wait(20)
    return thread, state


def test_a_fork_waits_for_what_another_thread_does_under_the_lock():
    lock = ForkSafeLock()
    thread, state = hold(lock, 0.3)

    def child():
        with lock:
            assert state == ["whole"]

    assert in_child(child) == 0
    thread.join(20)
    with lock:
        pass


def test_a_lock_that_is_held_too_long_is_free_in_the_child(monkeypatch):
    monkeypatch.setattr(fork, "WAIT_SECONDS", 0.1)
    lock = ForkSafeLock()
    thread, _ = hold(lock, 1)
    assert in_child(lock.__enter__) == 0
    thread.join(20)


def test_a_thread_that_forks_may_hold_the_lock_itself():
    lock = ForkSafeLock()
    with lock:
        assert in_child(lock.__enter__) == 0
