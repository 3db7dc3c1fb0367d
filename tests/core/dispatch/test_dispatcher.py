"""From a request to a plan, or to everything that is wrong with it."""

from typing import ClassVar

import attrs
import pytest
from bourn import errors
from bourn.dispatch.dispatcher import Dispatcher
from bourn.dispatch.plan import Plan
from bourn.plugin import Destination, Format, Note, Problem, Receipt, Secret, option
from bourn.plugins.registry import Registry
from bourn.results.inspect import inspect


@attrs.frozen
class ShelfOptions:
    place: str = option(default="top", choices=["top", "bottom"], help="Where to put it.")
    copies: int = option(default=1, ge=1, le=9, help="How many.")
    password: Secret | None = option(default=None, help="Opens the cupboard.")


class Shelf(Destination[ShelfOptions]):
    """Put a result on a shelf."""

    def deliver(self, artifact, options, context):
        return Receipt()


class Gallery(Destination):
    """Hang an image."""

    kinds = ("image",)
    formats = ("picture",)

    def deliver(self, artifact, options, context):
        return Receipt()


class Choosy(Destination):
    """Refuses whatever it can."""

    answers: ClassVar = (Problem("", "no"), Problem("place", "not there"), Note("noted"))

    def preflight(self, options, info, context):
        yield from self.answers

    def deliver(self, artifact, options, context):
        return Receipt()


class Ticket:
    """A shorthand for a shelf."""


class TicketShelf(Shelf):
    Options = ShelfOptions

    def from_shorthand(self, obj):
        return ShelfOptions(place="bottom")


@attrs.frozen
class TextOptions:
    width: int = option(default=80, ge=1, help="Characters a line.", unit="characters")


class Text(Format[TextOptions]):
    """Whatever it is, as text."""

    media_type, suffix = "text/plain", ".txt"

    def encode(self, result, options, sink):
        sink.write(str(result).encode())
        return {}


class Picture(Format):
    """An image."""

    media_type, suffix, kinds = "image/x-picture", ".pic", ("image",)

    def encode(self, result, options, sink):
        return {}


@pytest.fixture
def registry():
    return Registry.of(
        destinations={"shelf": Shelf, "gallery": Gallery, "choosy": Choosy, "ticket": TicketShelf},
        formats={"text": Text, "picture": Picture},
        shorthands={"ticket": Ticket},
    )


@pytest.fixture
def dispatcher(registry):
    return Dispatcher(registry, lambda *asked: None, default_format="text")


def planned(dispatcher, destination, format=None, obj=2):
    return dispatcher.plan(inspect(obj).info, destination=destination, format=format)


def refused(error_type, dispatcher, destination, format=None, obj=2):
    with pytest.raises(error_type) as caught:
        planned(dispatcher, destination, format, obj)
    assert type(caught.value) is error_type
    return str(caught.value)


def test_a_name_becomes_a_plan_with_defaults_filled_in(dispatcher):
    plan = planned(dispatcher, "shelf")
    assert dict(plan.destination) == {"type": "shelf", "place": "top", "copies": 1}
    assert dict(plan.format) == {"type": "text", "width": 80}


@pytest.mark.parametrize(
    "destination",
    ["SHELF", {"type": "Shelf"}, ShelfOptions(), {"type": "shelf", "place": "TOP"}],
)
def test_every_form_of_a_request_gives_the_same_plan(dispatcher, destination):
    """Names and choices fold ASCII case; an options object says as much as a mapping."""
    registry = Registry.of(destinations={"shelf": Shelf}, formats={"text": Text})
    plan = planned(Dispatcher(registry, lambda *asked: None, default_format="text"), destination)
    assert dict(plan.destination) == {"type": "shelf", "place": "top", "copies": 1}


def test_an_object_of_a_claimed_class_stands_for_its_destination(dispatcher):
    assert dict(planned(dispatcher, Ticket()).destination) == {"type": "ticket", "place": "bottom", "copies": 1}


def test_the_requests_mapping_is_neither_changed_nor_kept(dispatcher):
    request = {"type": "shelf", "place": "bottom"}
    plan = planned(dispatcher, request)
    assert request == {"type": "shelf", "place": "bottom"}
    request["place"] = "top"
    assert plan.destination["place"] == "bottom"


def test_an_unknown_name_is_refused_with_the_nearest(dispatcher):
    message = (
        "destination: no destination is called 'shlef'. Installed: choosy, gallery, shelf, ticket. "
        "Did you mean 'shelf'?"
    )
    assert refused(errors.UnknownPlugin, dispatcher, "shlef") == message


def test_a_format_as_destination_is_named_as_one(dispatcher):
    assert refused(errors.UnknownPlugin, dispatcher, "text") == "destination: 'text' is a format; give it as format="


def test_every_problem_of_a_request_stands_in_one_error(dispatcher):
    with pytest.raises(errors.RequestError) as caught:
        planned(dispatcher, {"type": "shelf", "plaec": "top", "copies": 0}, {"type": "text", "width": "80"})
    assert [problem.path for problem in caught.value.problems] == [
        "destination.plaec",
        "destination.copies",
        "format.width",
    ]
    assert type(caught.value) is errors.InvalidOptions


def test_problems_of_different_kinds_are_a_request_error(dispatcher):
    with pytest.raises(errors.RequestError) as caught:
        planned(dispatcher, {"type": "shelf", "copies": 0}, "txet")
    assert type(caught.value) is errors.RequestError
    assert [problem.path for problem in caught.value.problems] == ["destination.copies", "format"]


def test_a_pair_that_does_not_fit_is_refused_with_what_would(dispatcher):
    message = "format: 'gallery' takes picture, not 'text' (text/plain). Formats that fit: picture"
    assert refused(errors.IncompatiblePair, dispatcher, "gallery", "text") == message


def test_a_result_of_the_wrong_kind_is_refused(dispatcher):
    message = "result: 'gallery' with 'picture' takes image; this is value (int). No format takes it to 'gallery'"
    assert refused(errors.IncompatiblePair, dispatcher, "gallery") == message


def test_without_a_format_a_destination_that_does_not_take_ours_uses_its_own_and_says_so(dispatcher):
    plan = planned(dispatcher, "gallery", obj=lambda: 1)
    assert plan.format["type"] == "picture"
    assert plan.notes[0] == Note(
        "'picture' is used, since none was named and 'gallery' takes picture, not 'text' (text/plain)", "format"
    )


def test_of_a_callable_the_kind_is_not_known_and_the_plan_says_so(dispatcher):
    plan = planned(dispatcher, "shelf", obj=lambda: 1)
    assert plan.notes == (Note("what kind of result it is will be known, and checked, when it is computed", "result"),)


def test_a_preflight_refuses_with_all_its_problems_under_the_destinations_path(dispatcher):
    with pytest.raises(errors.Refused) as caught:
        planned(dispatcher, "choosy")
    assert caught.value.problems == (Problem("destination", "no"), Problem("destination.place", "not there"))


def test_a_list_gives_a_plan_each_and_its_problems_say_which(dispatcher):
    plans = planned(dispatcher, ["shelf", {"type": "shelf", "place": "bottom"}])
    assert [plan.destination["place"] for plan in plans] == ["top", "bottom"]
    with pytest.raises(errors.RequestError) as caught:
        planned(dispatcher, ["shelf", {"type": "shelf", "copies": 10}, "nowhere"])
    assert [problem.path for problem in caught.value.problems] == ["destination[1].copies", "destination[2]"]


def test_an_empty_list_is_refused(dispatcher):
    message = "destination: the list is empty; name at least one destination"
    assert refused(errors.RequestError, dispatcher, []) == message


@pytest.mark.parametrize(
    ("destination", "shown"),
    [
        (7, "7"),
        (b"shelf", "b'shelf'"),
        ({"shelf"}, "a set of 1"),
        (("shelf",), "a tuple of 1"),
        (Shelf, "the class"),
        (True, "True"),
    ],
)
def test_a_destination_of_no_sensible_type_is_a_type_error(dispatcher, destination, shown):
    with pytest.raises(errors.RequestTypeError) as caught:
        planned(dispatcher, destination)
    assert shown in str(caught.value)


def test_an_object_that_nobody_claims_is_a_type_error(dispatcher):
    message = (
        "destination=an object of type builtins.object: no installed destination takes such an object; "
        "give a name, or a mapping with 'type'"
    )
    assert refused(errors.RequestTypeError, dispatcher, object()) == message


class Raising(dict):
    def __getitem__(self, key):
        raise ValueError("mine")


@pytest.mark.parametrize(
    ("destination", "message"),
    [
        ({}, "destination.type: is required: the name of the destination"),
        ({"type": None}, "destination.type: expected the name of a destination, got None"),
        ({"type": 3}, "destination.type: expected the name of a destination, got 3"),
        ({"type": "shelf", 5: 1}, "destination: expected names of options as keys, got 5"),
        (Raising(type="shelf"), "destination: the mapping can't be read: it raised ValueError"),
    ],
)
def test_a_mapping_that_says_nothing_is_refused(dispatcher, destination, message):
    assert refused(errors.InvalidOptions, dispatcher, destination) == message


def test_a_mapping_that_contains_itself_is_refused(dispatcher):
    request = {"type": "shelf"}
    request["place"] = request
    with pytest.raises(errors.InvalidOptions) as caught:
        planned(dispatcher, request)
    assert caught.value.problems[0] == Problem("destination.place", "contains itself")


def test_a_plan_is_restored_from_its_json_in_any_process(dispatcher):
    import json

    plan = planned(
        dispatcher, {"type": "shelf", "place": "bottom", "password": "hunter2"}, {"type": "text", "width": 7}
    )
    stored = json.loads(json.dumps(plan.as_json()))
    again = dispatcher.restore(stored, plan.secrets())
    assert isinstance(again, Plan)
    assert (again.chosen_destination.options, again.chosen_format.options) == (
        plan.chosen_destination.options,
        plan.chosen_format.options,
    )
    assert again.as_json() == stored


def test_a_secret_stands_neither_in_a_plan_nor_in_its_json(dispatcher):
    plan = planned(dispatcher, {"type": "shelf", "password": "hunter2"})
    assert "hunter2" not in f"{plan} {plan!r} {plan.as_json()}"
    assert plan.secrets() == {"destination": {"password": "hunter2"}, "format": {}}


def test_a_policy_vetoes_and_one_that_fails_refuses():
    def broken(plan, context):
        raise RuntimeError("no idea")

    registry = Registry.of(
        destinations={"shelf": Shelf}, formats={"text": Text},
        policies={"no": lambda plan, context: [Problem("", "not on Sundays")], "broken": broken},
    )  # fmt: skip
    with pytest.raises(errors.Refused) as caught:
        planned(Dispatcher(registry, lambda *asked: None, default_format="text"), "shelf")
    assert [problem.message for problem in caught.value.problems] == [
        "not on Sundays",
        "policy 'broken' (given 0) failed: RuntimeError: no idea",
    ]


def test_a_preflight_that_breaks_is_a_plugin_error():
    class Broken(Shelf):
        Options = ShelfOptions

        def preflight(self, options, info, context):
            raise KeyError("x")

    registry = Registry.of(destinations={"shelf": Broken}, formats={"text": Text})
    with pytest.raises(errors.PluginError, match="preflight of 'shelf' \\(given 0\\) failed: KeyError: 'x'"):
        planned(Dispatcher(registry, lambda *asked: None, default_format="text"), "shelf")
