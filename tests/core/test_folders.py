"""Folders of an installation are used only where nobody else may change them."""

import os

import pytest
from bourn.errors import SettingsError
from bourn.folders import check_private, make_directory


@pytest.fixture
def private(tmp_path):
    """A folder, and a file in it, of this user alone."""
    folder = tmp_path / "home"
    make_directory(folder)
    (folder / "ledger.db").touch(mode=0o600)
    return folder


def test_a_folder_that_was_made_here_passes(private):
    assert private.stat().st_mode & 0o777 == 0o700
    check_private(private, "the folder")
    check_private(private / "ledger.db", "the ledger", secret=True)
    check_private(private / "nothing", "the file")


@pytest.mark.parametrize("mode", [0o702, 0o777, 0o722])
def test_a_folder_that_everybody_may_write_to_is_refused_with_the_command_that_mends_it(private, mode):
    private.chmod(mode)
    with pytest.raises(SettingsError, match=f"everybody may write to the folder .*{mode:04o}.*chmod go-w {private}"):
        check_private(private, "the folder")


def test_a_group_with_other_members_counts_as_others(private, monkeypatch):
    private.chmod(0o770)
    monkeypatch.setattr("bourn.folders._is_private_group", lambda *_: False)
    with pytest.raises(SettingsError, match="its group may write to"):
        check_private(private, "the folder")
    monkeypatch.setattr("bourn.folders._is_private_group", lambda *_: True)
    check_private(private, "the folder")


@pytest.mark.parametrize("mode", [0o604, 0o666])
def test_a_ledger_that_others_may_read_is_refused_unless_they_may_not_enter_its_folder(private, mode):
    """Signing keys are in it."""
    ledger = private / "ledger.db"
    ledger.chmod(mode)
    check_private(ledger, "the ledger", secret=True)
    private.chmod(0o755)
    with pytest.raises(SettingsError, match=f"chmod go-rwx {ledger}"):
        check_private(ledger, "the ledger", secret=True)


def test_a_shared_folder_such_as_tmp_is_refused_with_one_of_its_own_as_advice(private):
    private.chmod(0o1777)
    with pytest.raises(SettingsError, match=f"mkdir -m 700 {private}/bourn"):
        check_private(private, "the folder")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(private):
    os.chown(private, 12345, 12345)
    with pytest.raises(
        SettingsError, match=f"belongs to the user 12345, not to you \\(0\\): sudo chown -R 0 {private}"
    ):
        check_private(private, "the folder")
