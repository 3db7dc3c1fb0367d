"""A home, ledger or store that another user owns or may change is refused with the command that mends it."""

import logging
import os

import pytest
from bourn import Session, Settings
from bourn.errors import SettingsError

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o700)
    return folder


def refused(settings):
    with pytest.raises(SettingsError) as caught:
        Session(settings).services  # noqa: B018  # opens ledger and store
    return caught.value.message


def test_a_home_that_others_may_write_to_is_refused(folder):
    folder.chmod(0o777)
    message = refused(Settings(home=str(folder)))
    assert message.startswith(f"other users may write to {folder} (mode 0777): chmod ")
    assert message.endswith(f"o-w '{folder}'")


def test_a_home_that_a_group_may_write_to_is_refused(folder, monkeypatch):
    monkeypatch.setattr("bourn.settings.ownership._is_private_group", lambda _: False)
    folder.chmod(0o770)
    assert f"chmod go-w '{folder}'" in refused(Settings(home=str(folder)))


def test_a_group_with_nobody_else_in_it_may_write(folder, monkeypatch):
    monkeypatch.setattr("bourn.settings.ownership._is_private_group", lambda _: True)
    folder.chmod(0o770)
    Settings(home=str(folder)).check_owners()


def test_a_home_of_another_user_is_refused(folder, monkeypatch):
    owner = 12345
    os.chown(folder, owner, -1) if os.getuid() == 0 else monkeypatch.setattr("os.geteuid", lambda: owner)
    message = refused(Settings(home=str(folder)))
    assert message.startswith(f"{folder} belongs to ")
    assert "sudo chown -R" in message


def test_a_ledger_that_others_may_write_to_is_refused(folder):
    (folder / "ledger.db").touch(mode=0o600)
    (folder / "ledger.db").chmod(0o666)
    assert "o-w" in refused(Settings(home=str(folder)))


def test_a_store_that_others_may_write_to_is_refused(folder, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o777)
    assert f"o-w '{tmp_path / 'store'}'" in refused(Settings(home=str(folder), store_url=str(tmp_path / "store")))


def test_a_ledger_that_others_may_read_is_closed_with_a_warning(folder, caplog, monkeypatch):
    monkeypatch.setattr("bourn.settings.ownership._is_private_group", lambda _: False)
    (folder / "ledger.db").touch()
    (folder / "ledger.db").chmod(0o644)
    with caplog.at_level(logging.WARNING, "bourn"):
        Settings(home=str(folder)).check_owners()
    assert (folder / "ledger.db").stat().st_mode & 0o777 == 0o600
    assert "other users could read" in caplog.text


def test_a_team_may_share_a_ledger(folder, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    folder.chmod(0o770)
    Settings(home=str(folder), shared_ledger=True).check_owners()
    folder.chmod(0o777)
    assert "chmod o-w" in refused(Settings(home=str(folder), shared_ledger=True))
