"""Homes, ledgers and stores that can't be used: reported in a typed error that names them, from the first call on."""

import errno
import os
import shutil
import sqlite3
from contextlib import closing

import pytest
from bourn import Session, Settings
from bourn.contract.option import Secret
from bourn.errors import BournError, JobFailed, LedgerError, SettingsError


def used(home):
    """A home where a job is done already."""
    with closing(Session(Settings(home=str(home)))) as session:
        session.compute(1)
    return home


def a_file_instead_of_the_home(home):
    home.write_text("no folder")


def a_file_instead_of_a_folder_above(home):
    home.symlink_to("/dev/null/nothing")


def no_room_for_it(home):
    home.symlink_to("/proc/nothing")  # what is above can't be written, even by root


def a_ledger_that_is_none(home):
    (used(home) / "ledger.db").write_bytes(b"this is no database, whatever its name may say" * 200)
    for log in home.glob("ledger.db-*"):
        log.unlink()


def a_ledger_that_is_a_folder(home):
    (home / "ledger.db").mkdir(parents=True)


def a_ledger_that_is_cut_off(home):
    ledger = used(home) / "ledger.db"
    with ledger.open("r+b") as file:
        file.truncate(ledger.stat().st_size // 2)


def a_ledger_of_another_shape(home):
    with closing(sqlite3.connect(used(home) / "ledger.db")) as connection:
        connection.execute("alter table jobs drop column deadline_at")
        connection.commit()


def a_ledger_without_its_tables(home):
    with closing(sqlite3.connect(used(home) / "ledger.db")) as connection:
        connection.execute("drop table keys")
        connection.commit()


UNFIT = {
    a_file_instead_of_the_home: r"can't be created|can't be made|unable to open",
    a_file_instead_of_a_folder_above: r"can't be created|can't be made|unable to open",
    no_room_for_it: r"can't be created|can't be made|unable to open",
    a_ledger_that_is_none: r"file is not a database",
    a_ledger_that_is_a_folder: r"unable to open database file",
    a_ledger_that_is_cut_off: r"malformed|not a database|disk I/O error",
    a_ledger_of_another_shape: r"jobs has no column deadline_at\. Move it",
    a_ledger_without_its_tables: r"there is no table keys\. Move it",
}


@pytest.mark.slow
@pytest.mark.parametrize("made", UNFIT, ids=lambda made: made.__name__)
def test_a_ledger_that_can_not_be_used_is_named(home, made):
    made(home)
    with (
        closing(Session(Settings(home=str(home)))) as session,
        pytest.raises(LedgerError, match=UNFIT[made]) as message,
    ):
        session.compute(2)
    assert f"the ledger at sqlite:///{home}/ledger.db" in str(message.value)
    assert "INSERT" not in str(message.value)


def test_what_is_in_its_way_is_moved_and_it_goes_on(home):
    a_ledger_of_another_shape(home)
    with closing(Session(Settings(home=str(home)))) as session:
        with pytest.raises(LedgerError):
            session.compute(2)
        for file in home.glob("ledger.db*"):
            shutil.move(file, home / f"old-{file.name}")
        assert session.compute(2) == 2


def test_a_ledger_that_is_spoilt_while_it_is_used(home):
    with closing(Session(Settings(home=str(home)))) as session:
        session.compute(1)
        for path in home.glob("ledger.db*"):
            with path.open(
                "r+b"
            ) as file:  # in place: a file that is made shorter takes down a process that has it mapped
                file.write(b"\xff" * 8192)
        for _ in range(3):
            with pytest.raises(BournError, match="ledger"):
                session.compute(2)


def test_a_store_that_can_not_be_made_is_named(home):
    home.mkdir()
    (home / "store").write_text("no folder")
    with closing(Session(Settings(home=str(home)))) as session, pytest.raises(BournError, match="store"):
        session.compute(2, timeout=60)


def test_a_store_that_is_gone_is_made_again(home):
    with closing(Session(Settings(home=str(home)))) as session:
        session.compute(1)
        shutil.rmtree(home / "store")
        assert session.compute(2) == 2


@pytest.mark.parametrize("url", ["sqlite:////dev/full", "sqlite:////dev/null/ledger.db"])
def test_a_device_is_no_ledger(home, url):
    with (
        closing(Session(Settings(home=str(home), database_url=Secret(url)))) as session,
        pytest.raises((LedgerError, SettingsError)),
    ):
        session.compute(2)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
def test_a_system_that_refuses_to_make_the_home(home, monkeypatch, number):
    def refuse(self, *given, **more):
        raise OSError(number, os.strerror(number), str(self))

    with closing(Session(Settings(home=str(home)))) as session:
        with monkeypatch.context() as patched:
            patched.setattr("pathlib.Path.mkdir", refuse)
            with pytest.raises((LedgerError, JobFailed), match=os.strerror(number)):
                session.compute(2)
        assert session.compute(2) == 2
