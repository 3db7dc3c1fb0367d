"""Settings: every wrong value is named with its place, and no password is shown."""

import logging

import attrs
import pytest
from bourn import Session, Settings
from bourn.errors import SettingsError
from bourn.plugin import option


@attrs.frozen
class Shelf:
    height: int = option(default=1, help="How high.")


@pytest.fixture
def refused(home, monkeypatch, tmp_path):
    """What is said of settings from a file and from variables."""

    def load(toml="", **environment):
        if toml:
            (tmp_path / "bourn.toml").write_text(toml)
            monkeypatch.setenv("BOURN_SETTINGS", str(tmp_path / "bourn.toml"))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError) as caught:
            Settings.load()
        return caught.value.message.splitlines()

    return load


def test_a_variable_is_named(refused):
    assert refused(BOURN_WORKERS="many") == [
        "1 problem in the settings:", "  BOURN_WORKERS  expected int, got 'many'",
    ]  # fmt: skip


def test_a_variable_that_nobody_knows_is_named(refused):
    (_, line) = refused(BOURN_WORKRES="3")
    assert line.startswith("  BOURN_WORKRES  unknown option; did you mean 'workers'?")


def test_a_variable_within_a_mapping_is_named(refused):
    lines = refused(BOURN_PREFER__EMAIL="3")
    assert lines[1:] == ["  BOURN_PREFER__EMAIL  expected str, got 3"]


def test_file_and_variables_are_distinguished(refused, tmp_path):
    lines = refused("link_days = -1\n", BOURN_WORKERS="0")
    assert lines[0] == f"2 problems in the settings ({tmp_path / 'bourn.toml'}):"
    assert sorted(line.split()[0] for line in lines[1:]) == ["BOURN_WORKERS", "settings.link_days"]


def test_an_argument_is_not_taken_for_the_variable_that_it_replaces(home, monkeypatch):
    monkeypatch.setenv("BOURN_WORKERS", "4")
    with pytest.raises(SettingsError, match=r"settings\.workers"):
        Settings.load(workers=0)


def test_a_plugins_variable_is_named(home, monkeypatch):
    monkeypatch.setenv("BOURN_SHELF__HEIGHT", "tall")
    with pytest.raises(SettingsError, match="BOURN_SHELF__HEIGHT  expected int, got 'tall'"):
        Settings.load().of_plugin("shelf", Shelf)


def test_a_section_of_no_plugin_is_warned_of(session_of, caplog):
    session = session_of(settings={"plugins": {"downlaod": {"x": 1}}})
    with caplog.at_level(logging.WARNING, "bourn"):
        session.plan(2)
        session.plan(2)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said == (
        "the settings of plugin 'downlaod' are not used: no installed plugin has this name; did you mean 'download'?"
    )


def test_passwords_of_stores_and_plugins_are_not_shown():
    """What a store's client and a plugin are given is shown by its keys alone."""
    settings = Settings(
        store_options={"secret_access_key": "hunter2"}, plugins={"email": {"url": "smtps://me:hunter2@mail.example"}}
    )
    assert "hunter2" not in f"{settings!r} {settings}"
    assert "store_options={'secret_access_key': '***'}" in repr(settings)
    assert settings.plugins["email"]["url"].startswith("smtps://me:hunter2@")


def test_arguments_are_checked_all_at_once():
    with pytest.raises(SettingsError) as caught:
        Settings(workers="x", link_days=-1.0, public_url=1, store_url=5, principal="")
    lines = caught.value.message.splitlines()
    assert lines[0] == "5 problems in the settings:"
    assert sorted(line.split()[0] for line in lines[1:]) == [
        f"settings.{name}" for name in ("link_days", "principal", "public_url", "store_url", "workers")
    ]


def test_a_text_becomes_a_secret():
    settings = Settings(database_url="postgresql://ann:hunter2@db/bourn")
    assert settings.database_url.reveal() == "postgresql://ann:hunter2@db/bourn"
    assert "hunter2" not in repr(settings)


def test_credentials_within_urls_are_not_shown():
    settings = Settings(store_url="s3://key:hunter2@bucket/p?token=hunter2", public_url="https://a:hunter2@host/")
    assert "hunter2" not in repr(settings) + settings.standing_note
    assert "s3://***@bucket/p?***" in repr(settings)


def test_keywords_of_a_session_go_over_the_settings(home, monkeypatch):
    monkeypatch.setenv("BOURN_WORKERS", "3")
    settings = Session(link_days=2).settings
    assert (settings.link_days, settings.workers) == (2.0, 3)
    settings = Session(Settings(principal="ann"), link_days=2).settings
    assert (settings.link_days, settings.principal) == (2.0, "ann")


def test_an_unknown_keyword_of_a_session_names_the_nearest(home):
    with pytest.raises(SettingsError, match="did you mean 'link_days'"):
        Session(link_dayz=2)
