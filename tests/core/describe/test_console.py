"""Tables and paragraphs that fit."""

import re

from bourn.describe.console import Console, one_line


def test_columns_are_as_wide_as_their_content():
    assert Console(80).table([("a", "bb"), ("ccc", "d")], head=("x", "y")) == ["  x    y", "  a    bb", "  ccc  d"]


def test_a_column_is_wrapped_where_the_table_is_too_wide():
    lines = Console(30).table([("name", "one two three four five six")])
    assert lines == ["  name  one two three four", "        five six"]


def test_figures_are_flush_right():
    assert Console(80).table([("a", "1"), ("b", "100")], right=(1,), indent=0) == ["a    1", "b  100"]


def test_wide_characters_take_two_columns():
    assert Console(80).table([("日本", "x"), ("abcd", "y")], indent=0) == ["日本  x", "abcd  y"]


def test_control_characters_cannot_move_the_cursor():
    assert one_line("a\x1b[2Jb\n\u202ec") == "a\\x1b[2Jb \\u202ec"


def test_colours_do_not_count_as_width():
    plain = Console(40).table([("a", "b")], head=("x", "y"), faint=(1,))
    styled = Console(40, colours=True).table([("a", "b")], head=("x", "y"), faint=(1,))
    assert plain == ["  x  y", "  a  b"]
    assert [re.sub(r"\x1b\[\d*m", "", line).rstrip() for line in styled] == plain
    assert "\x1b[1m" in styled[0]
    assert "\x1b[2mb" in styled[1]


def test_an_empty_table_is_nothing():
    assert Console(80).table([]) == []
