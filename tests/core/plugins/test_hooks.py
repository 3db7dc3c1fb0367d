"""Hooks and policies: each called alone; a failing hook hurts nobody, a failing policy refuses."""

from __future__ import annotations

import logging

import pytest
from bourn.errors import Problem
from bourn.plugins.hookspecs import hookimpl
from bourn.plugins.registry import Registry


class Good:
    def __init__(self, answer):
        self.answer = answer

    @hookimpl
    def bourn_adapt(self, obj):
        return None if obj is None else (self.answer, obj)

    @hookimpl
    def bourn_demo(self):
        yield 1
        yield 2


class Bad:
    @hookimpl
    def bourn_adapt(self, obj):
        raise SystemExit(obj)

    @hookimpl
    def bourn_demo(self, session):
        yield 1
        raise OSError(session)


def test_every_plugin_answers_and_a_failing_one_is_logged(caplog):
    registry = Registry.of(hooks=[Good(1), Bad(), Good(2)])
    with caplog.at_level(logging.WARNING, "bourn.hooks"):
        assert registry.hooks.call("bourn_adapt", obj="x") == [("given", (1, "x")), ("given", (2, "x"))]
    assert [record.getMessage() for record in caplog.records] == ["hooks of given 0: bourn_adapt fails: SystemExit: x"]
    assert [problem.reason for problem in registry.problems] == ["bourn_adapt fails: SystemExit: x"]


def test_a_generator_is_read_to_its_end_where_failures_are_caught():
    registry = Registry.of(hooks=[Good(1), Bad()])
    assert registry.hooks.call("bourn_demo", session=None) == [("given", [1, 2])]
    assert [problem.reason for problem in registry.problems] == ["bourn_demo fails: OSError: None"]


def test_nothing_is_answered_by_none():
    assert Registry.of(hooks=[Good(1)]).hooks.call("bourn_adapt", obj=None) == []


def test_whether_anybody_listens_is_known():
    hooks = Registry.of(hooks=[Good(1)]).hooks
    assert hooks.any("bourn_adapt")
    assert not hooks.any("bourn_sweep")


def test_a_failure_that_comes_again_is_logged_once():
    registry = Registry.of(hooks=[Bad()])
    for number in range(5):
        registry.hooks.call("bourn_adapt", obj=number)
    assert len(registry.problems) == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        (
            "from bourn.plugins.hookspecs import hookimpl\n@hookimpl\ndef bourn_nonsense(): ...\n",
            "unknown hook 'bourn_nonsense'",
        ),
        ("from bourn.plugins.hookspecs import hookimpl\n@hookimpl\ndef bourn_adapt(thing): ...\n", "bourn_adapt"),
    ],
)
def test_hooks_that_cannot_be_loaded_are_listed_and_hurt_nobody(install, source, reason):
    good = "from bourn.plugins.hookspecs import hookimpl\n@hookimpl\ndef bourn_adapt(obj): return obj\n"
    install("bourn-bad", {"hooks": {"x": "bad_hooks"}}, bad_hooks=source)
    install("bourn-good", {"hooks": {"x": "good_hooks"}}, good_hooks=good)
    registry = install.registry()
    assert registry.hooks.call("bourn_adapt", obj=7) == [("bourn-good", 7)]
    (problem,) = registry.problems
    assert (
        problem.name, problem.role, problem.distribution, problem.version, problem.fatal,
    ) == ("x", "hook", "bourn-bad", "1.0", True)  # fmt: skip
    assert reason in problem.reason


def test_an_interrupt_passes_through_a_hook():
    class Stop:
        @hookimpl
        def bourn_adapt(self, obj):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Registry.of(hooks=[Stop()]).hooks.call("bourn_adapt", obj=1)


FAILED = "policy 'x' (given 0) failed:"


def _of_one(plan):
    return []


def _yields(plan, context):
    yield Problem("destination", f"{plan} not now")


def _raises(plan, context):
    raise SystemExit


def _yields_and_raises(plan, context):
    yield Problem("", "first")
    raise OSError("gone")


@pytest.mark.parametrize(
    ("policy", "messages"),
    [
        (lambda plan, context: None, []),
        (lambda plan, context: [], []),
        (lambda plan, context: Problem("", "no"), ["no"]),
        (_yields, ["plan not now"]),
        (_raises, [f"{FAILED} SystemExit"]),
        (_yields_and_raises, [f"{FAILED} OSError: gone"]),
        (lambda plan, context: False, [f"{FAILED} TypeError: it answers False, and not with Problem objects"]),
        (lambda plan, context: "no", [f"{FAILED} TypeError: it answers 'no', and not with Problem objects"]),
        (lambda plan, context: [1], [f"{FAILED} TypeError: it answers 1, and not with Problem objects"]),
        (_of_one, [f"{FAILED} TypeError: _of_one() takes 1 positional argument but 2 were given"]),
    ],
)
def test_a_policy_vetoes_and_one_that_fails_refuses(policy, messages):
    registry = Registry.of(policies={"x": policy, "ok": lambda plan, context: ()})
    assert messages == [problem.message for problem in registry.policies("plan", None)]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("x = policy_module:nothing", "AttributeError: module 'policy_module' has no attribute 'nothing'"),
        ("x = policy_nowhere:check", "No module named 'policy_nowhere'"),
        ("x = policy_module:value", "expected a function, got 5"),
        ("x = not a module", "its entry point is malformed"),
        ("x", "its entry point is malformed"),
        ("x =", "its entry point is malformed"),
    ],
)
def test_a_policy_that_cannot_be_loaded_refuses(install, lines, reason):
    install("bourn-policy", f"[bourn.policies]\n{lines}\n", policy_module="value = 5\n")
    registry = install.registry()
    expected = Problem("", f"policy 'x' (bourn-policy 1.0) failed: {reason}")
    assert [expected] == registry.policies(None, None)
    assert [expected] == registry.policies(None, None)
    assert reason in {problem.reason for problem in registry.problems}


def test_a_policy_beside_an_undecodable_line_is_still_asked(install):
    install("bourn-policy", b"[bourn.hooks]\n\xff = x\n[bourn.policies]\nx = policy_module:check\n",
            policy_module="def check(plan, context): 1 / 0\n")  # fmt: skip
    assert [Problem("", "policy 'x' (bourn-policy 1.0) failed: ZeroDivisionError: division by zero")] == (
        install.registry().policies(None, None)
    )
