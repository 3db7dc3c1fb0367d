"""``bourn list``, ``show``, ``matrix``, ``schema``."""

import json
import re
import subprocess

from programs import require


class Broken:
    pass


def test_list(run):
    assert run("list").stdout.splitlines() == [
        "Destinations",
        "  frame    A frame for a picture.     given 0",
        "  letter   A letter with the result.  given 0",
        "  shelf    A place on the shelf.      given 0",
        "",
        "Formats",
        "  picture  A picture, band by band.   given 0",
        "  text     Whatever it is, as text.   given 0",
    ]


def test_list_marks_what_is_broken(run_over):
    done = run_over(destinations={"bad": Broken})("list")
    assert done.exit_code == 0
    assert "  bad  broken: " in done.stdout
    assert done.stdout.endswith("1 installed plugin can't be used: see `bourn doctor`.\n")


def test_list_as_json(run):
    output = run.json("list")
    assert list(output["destinations"]) == ["frame", "letter", "shelf"]
    assert output["formats"]["text"]["summary"] == "Whatever it is, as text."
    assert output["problems"] == []


def test_show(run):
    lines = run("show", "letter").stdout.splitlines()
    assert lines[:8] == [
        "letter  destination, given 0",
        "",
        "  A letter with the result.",
        "",
        '  shorthand   "letter"',
        "  formats     picture, text",
        "  kinds       all",
        "  gives back  something of its own, not the data",
    ]
    table = [line.split() for line in lines[9:]]
    assert table[:3] == [
        ["Options"],
        ["name", "type", "default", "limits", "meaning"],
        ["to", "list", "of", "text", "[]", "Whom", "to."],
    ]
    assert ["retries", "integer", "3", "0", "to", "10", "How", "often", "to", "try", "again."] in table
    assert ["address.number", "integer", "1", "The", "house."] in table
    assert lines[-3:] == [
        "  # With a subject",
        '  bourn.compute(result, destination={"type": "letter", "subject": "Two"}, format="text")',
        "  $ bourn send INPUT --destination letter -o subject=Two --format text",
    ]


def test_show_on_a_narrow_terminal(run):
    """Below 100 columns an option's facts stand beneath its name."""
    out = run("show", "letter", columns=60).stdout
    assert "  retries\n      integer; 0 to 10; default 3\n      How often to try again.\n" in out


def test_show_folds_case(run):
    assert run("show", "TEXT").stdout.startswith("text  format, given 0")


def test_show_an_unknown_name(run):
    """The registry's own words, about the role in which there is a name like it."""
    assert run("show", "txt").stderr == (
        "Error: format: no format is called 'txt'. Installed: picture, text. Did you mean 'text'?\n"
    )
    assert run("show", "lettr").stderr == (
        "Error: destination: no destination is called 'lettr'. Installed: frame, letter, shelf. "
        "Did you mean 'letter'?\n"
    )
    assert run("show", "qqqq").stderr.splitlines()[0] == "Error: 2 problems in the name:"


def test_an_unknown_name_as_json(run):
    """With --json the error is JSON, too."""
    done = run("show", "txt", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["code"] == "unknown-plugin"


def test_show_a_broken_plugin(run_over):
    done = run_over(destinations={"bad": Broken})("show", "bad")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: 'bad' is installed (given 0) but could not be loaded: ")


def test_matrix(run):
    assert run("matrix").stdout.splitlines() == [
        "        picture  text",
        "frame   image    no (1)",
        "letter  image    all",
        "shelf   image    all",
        "",
        "(1)  'frame' takes picture, not 'text' (text/plain)",
    ]


def test_matrix_as_json(run):
    output = run.json("matrix")
    assert {"destination": "shelf", "format": "picture", "kinds": ["image"], "reason": ""} in output
    assert len(output) == 6


def test_schema_of_a_plugin(run):
    schema = json.loads(run("schema", "text").stdout)
    assert schema["properties"]["width"]["x-unit"] == "characters"


def test_schema_of_a_request(run):
    schema = json.loads(run("schema").stdout)
    assert sorted(key for key in schema["$defs"] if "." in key) == [
        "destination.frame", "destination.letter", "destination.shelf", "format.picture", "format.text",
    ]  # fmt: skip


def test_schema_in_other_forms(run):
    output = json.loads(run("schema", "--openeo").stdout)
    assert sorted(output["output"]) == ["picture", "text"]
    output = json.loads(run("schema", "--openapi").stdout)
    assert "destination.letter" in output["components"]["schemas"]
    output = json.loads(run("schema", "--kind", "value").stdout)
    assert output["allOf"][0]["then"] == {"properties": {"format": False}, "required": ["format"]}  # frame: images only
    assert run("schema", "letter", "--openapi").exit_code == 2


def test_kinds_of_the_help_text_are_those_of_results():
    from bourn.cli import plugins
    from bourn.results import info

    assert info.KINDS == plugins.KINDS


def test_docs(run, tmp_path):
    done = run("docs", str(tmp_path / "tree"))
    assert done.stdout == f"10 files in {tmp_path}/tree; begin with {tmp_path}/tree/index.md.\n"
    assert "A letter with the result." in (tmp_path / "tree/destinations/letter.md").read_text()
    assert json.loads((tmp_path / "tree/request.schema.json").read_text())["$defs"]["format.text"]


def test_docs_overwrite_nothing_of_anybody_elses(run, tmp_path):
    (tmp_path / "index.md").write_text("# Mine\n")
    done = run("docs", str(tmp_path))
    assert (done.exit_code, "is in the way" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["index.md"]


def test_nothing_is_wider_than_the_terminal(run):
    for command in (["list"], ["show", "letter"], ["show", "text"], ["matrix"]):
        for columns in (60, 80, 100, 120):
            lines = run(*command, columns=columns).stdout.splitlines()
            prose = [
                line for line in lines if not re.search(r"bourn\.compute\(|\$ bourn send", line)
            ]  # is to be pasted, and not broken
            assert max(map(len, prose)) <= columns


def as_the_shell_has_it(command):
    """The words that `bourn` gets."""
    script = 'bourn() { printf "%s\\0" "$@"; }\n' + command
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.split("\0")[:-1]


def asked_for(session, words):
    """Destination and format as the command would ask for them."""
    from bourn.cli.send import _destination, _format, send_command

    with send_command.make_context("send", words[1:]) as context:
        output = context.params
    return (
        _destination(session, output["destinations"], output["options"]) if output["destinations"] else None,
        _format(session, output["written"], output["format_options"]),
    )


def test_an_example_for_the_shell_asks_for_the_same(session):
    """Of all that is installed: as the shell reads it, and as the command does."""
    require("bash")
    from bourn.describe.example import command_of
    from bourn.options.serialization import read

    def typed(role, half):
        if half is None:
            return None
        mapping = {"type": half} if isinstance(half, str) else dict(half)
        spec = session.registry.find(role, mapping.pop("type"))
        options, problems = read(spec.options, mapping)
        assert not problems
        return spec.name, options

    tried = 0
    for spec in (*session.registry.destinations.values(), *session.registry.formats.values()):
        for example in spec.examples:
            words = as_the_shell_has_it(command_of(example.destination, example.format))
            assert words[:2] == ["send", "INPUT"]
            to, written = asked_for(session, words)
            assert typed("destination", to) == typed("destination", example.destination)
            assert typed("format", written) == typed("format", example.format)
            tried += 1
    assert tried > 5


def test_what_a_shell_would_take_apart_is_quoted():
    from bourn.describe.example import command_of

    given = {"type": "x", "a": "it's $HOME\t\\n\n`ls`", "b": "it's; $HOME", "c": {"d": [1, {"e": None}]}, "f": ["g"]}
    words = as_the_shell_has_it(command_of(given))
    assert words == [
        "send", "INPUT", "--destination", "x", "-o", f"a={given['a']}", "-o", f"b={given['b']}",
        "-o", 'c.d=[1, {"e": null}]', "-o", 'f=["g"]',
    ]  # fmt: skip
