"""Where settings come from: which file is read, and which credential goes with which address."""

import logging
import os

import attrs
import pytest
from bourn import Settings
from bourn.contract.option import Secret
from bourn.errors import SettingsError
from bourn.plugin import option
from bourn.settings.trust import trust, untrust


@pytest.fixture
def own(home):
    """The user's home of bourn."""
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def project(own, tmp_path):
    """Write the file of settings of a project, which is the current folder."""

    def write(text):
        (tmp_path / "bourn.toml").write_text(text)
        return tmp_path / "bourn.toml"

    return write


def test_a_file_of_the_current_folder_is_ignored_with_the_command_that_trusts_it(project, caplog):
    file = project("link_days = 3\n")
    with caplog.at_level(logging.WARNING, "bourn"):
        assert Settings.load().link_days == 10.0
        assert Settings.load().link_days == 10.0
    (message,) = [record.getMessage() for record in caplog.records]
    assert message == f"{file} is ignored: a file of the current folder is read once it is trusted: bourn trust"


def test_a_trusted_file_is_read_until_it_changes(project, own):
    file = project("link_days = 3\n")
    trust(file, own)
    assert Settings.load().link_days == 3.0
    file.write_text("link_days = 4\n")
    assert Settings.load().link_days == 10.0
    trust(file, own)
    assert untrust(file, own)
    assert not untrust(file, own)
    assert Settings.load().link_days == 10.0


def test_a_file_that_others_may_change_is_not_trusted(project, own):
    file = project("link_days = 3\n")
    file.chmod(0o666)
    with pytest.raises(SettingsError, match=f"o-w '{file}'"):
        trust(file, own)


def test_the_file_that_is_asked_for_is_read(project, monkeypatch):
    file = project("link_days = 3\n")
    assert Settings.load(file).link_days == 3.0
    monkeypatch.setenv("BOURN_SETTINGS", str(file))
    assert Settings.load().link_days == 3.0
    monkeypatch.setenv("BOURN_SETTINGS", "missing.toml")
    with pytest.raises(SettingsError, match=r"BOURN_SETTINGS='missing\.toml': there is no such file"):
        Settings.load()


def test_the_file_of_the_home_is_read(own):
    (own / "bourn.toml").write_text("link_days = 3\n")
    assert Settings.load().link_days == 3.0
    (own / "bourn.toml").chmod(0o666)
    with pytest.raises(SettingsError, match="o-w"):
        Settings.load()


def test_a_home_in_a_file_is_relative_to_the_file(project, tmp_path, monkeypatch):
    file = project('home = "data"\n')
    monkeypatch.delenv("BOURN_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "users"))
    monkeypatch.chdir("/")
    assert Settings.load(file).home == str(tmp_path / "data")


def test_a_missing_current_folder_does_no_harm(own, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert Settings.load().home == str(own)


@pytest.fixture
def mail(project, monkeypatch):
    """Load the settings of a plugin from a project's file and variables."""

    def load(text="", own_file=None, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        if own_file is not None:
            (own_file / "bourn.toml").write_text(text)
            return Settings.load()
        return Settings.load(project(text))

    return load


@attrs.frozen
class SecretMail:
    url: str = option(default="smtp://localhost", help="The server.")
    sender: str = option(default="", help="The sender.")
    password: Secret = option(default=Secret(""), help="The password.")


MAIL = '[plugins.mail]\nurl = "smtp://mail.example"\nsender = "ann@example.org"\n'


def test_a_secret_of_the_environment_goes_to_no_address_of_a_project(mail):
    settings = mail(MAIL, BOURN_MAIL__PASSWORD="hunter2")
    with pytest.raises(SettingsError) as caught:
        settings.of_plugin("mail", SecretMail)
    assert "BOURN_MAIL__PASSWORD of the environment would be sent to an address" in caught.value.message
    assert "plugins.mail.url" in caught.value.message
    assert "Set BOURN_MAIL__URL, too" in caught.value.message
    assert "hunter2" not in caught.value.message


def test_a_secret_goes_with_an_address_of_its_own_source(mail, own):
    of_environment = mail(MAIL, BOURN_MAIL__PASSWORD="hunter2", BOURN_MAIL__URL="smtp://mine.example")
    assert of_environment.of_plugin("mail", SecretMail).url == "smtp://mine.example"


def test_a_secret_goes_with_an_address_of_the_users_own_file(mail, own):
    settings = mail(MAIL, own_file=own, BOURN_MAIL__PASSWORD="hunter2")
    assert settings.of_plugin("mail", SecretMail).password.reveal() == "hunter2"


def test_a_projects_file_may_hold_both(mail):
    settings = mail(MAIL + 'password = "x"\n', BOURN_MAIL__SENDER="bob@example.org")
    assert settings.of_plugin("mail", SecretMail).sender == "bob@example.org"


@pytest.mark.parametrize(
    ("text", "variables", "place"),
    [
        ('store_url = "s3://b"', {"BOURN_STORE_OPTIONS__SECRET_ACCESS_KEY": "x"}, "store_url"),
        ('[store_options]\nendpoint = "http://evil"', {"AWS_SECRET_ACCESS_KEY": "x"}, "store_options.endpoint"),
        (
            '[store_options]\nauthority_host = "http://evil"',
            {"AZURE_CLIENT_SECRET": "x"},
            "store_options.authority_host",
        ),
        ('database_url = "postgresql://evil/x"', {"PGPASSWORD": "x"}, "database_url"),
    ],
)
def test_no_credential_of_the_environment_goes_to_the_store_or_database_of_a_project(
    project, monkeypatch, text, variables, place
):
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    file = project(text)
    Settings.load(file)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load(file)
    assert place in caught.value.message
    assert next(iter(variables)) in caught.value.message


def test_the_command_line_names_the_file(project, monkeypatch):
    from bourn.cli.commands import bourn
    from click.testing import CliRunner

    monkeypatch.setenv("BOURN_SETTINGS", "")
    file = project("workers = 0\n")
    done = CliRunner().invoke(bourn, ["--settings", str(file), "list"])
    assert "settings.workers" not in done.output  # `list` needs none
    done = CliRunner().invoke(bourn, ["--settings", str(file), "jobs"], obj=None)
    assert f"1 problem in the settings ({file})" in done.output


def test_the_command_trusts_a_file(project, own):
    from bourn.cli.commands import bourn
    from click.testing import CliRunner

    project("link_days = 3\n")
    assert "is trusted as it is now" in CliRunner().invoke(bourn, ["trust"]).output
    assert Settings.load().link_days == 3.0
    assert "is trusted no longer" in CliRunner().invoke(bourn, ["trust", "--remove"]).output
    assert Settings.load().link_days == 10.0
