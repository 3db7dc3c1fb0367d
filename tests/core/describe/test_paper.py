"""Tables and paragraphs that fit."""

from bourn.describe.paper import Paper, one_line


def test_columns_are_as_wide_as_what_stands_in_them():
    assert Paper(80).table([("a", "bb"), ("ccc", "d")], head=("x", "y")) == ["  x    y", "  a    bb", "  ccc  d"]


def test_a_column_is_wrapped_where_the_table_is_too_wide():
    lines = Paper(30).table([("name", "one two three four five six")])
    assert lines == ["  name  one two three four", "        five six"]


def test_figures_are_flush_right():
    assert Paper(80).table([("a", "1"), ("b", "100")], right=(1,), indent=0) == ["a    1", "b  100"]


def test_wide_characters_take_two_columns():
    assert Paper(80).table([("日本", "x"), ("abcd", "y")], indent=0) == ["日本  x", "abcd  y"]


def test_what_a_stranger_wrote_cannot_move_the_cursor():
    assert one_line("a\x1b[2Jb\n\u202ec") == "a\\x1b[2Jb \\u202ec"


def test_colours_do_not_count_as_width():
    plain = Paper(40).table([("a", "b")], head=("x", "y"), faint=(1,))
    inked = Paper(40, colours=True).table([("a", "b")], head=("x", "y"), faint=(1,))
    assert plain == ["  x  y", "  a  b"]
    assert inked == ["  \x1b[1mx\x1b[0m  \x1b[1my\x1b[0m", "  a  \x1b[2mb\x1b[0m"]


def test_an_empty_table_is_nothing():
    assert Paper(80).table([]) == []
