"""Links: from the commit of an artifact until ten days after its job's end, and at no instant after."""

import string
import threading
from datetime import timedelta

import pytest
from bourn.errors import LinkExpired, LinkInvalid
from bourn.ledger.stages import Stage
from bourn.store.links import Links, safe_filename

pytestmark = pytest.mark.backends("home", "servers")

URL_SAFE = string.ascii_letters + string.digits + "-_"
SECOND = timedelta(seconds=1)
TEN_DAYS = timedelta(days=10)
NONE_SUCH = r"^There is no such link\.$"
OVER = r"^This link has expired: it worked until 2026-11-11 12:00:00 UTC\.$"


def another_server(house):
    """Links as another process has them, over the same ledger."""
    return Links(house.keys, house.link_ledger, "http://x", house.ledger_clock, lifetime=TEN_DAYS)


def test_a_link_leads_to_what_was_stored(house):
    job = house.finished(b"two")
    url = house.links.url(job.delivery_id, "result.txt")
    start, _, rest = url.partition("/d/")
    token, _, name = rest.partition("/")
    assert (start, name) == ("https://data.example.org", "result.txt")
    found = house.links.resolve(token)
    assert (found.delivery_id, found.job_id, found.artifact.key, found.artifact.size_bytes) == (
        job.delivery_id, job.id, job.key, 3,
    )  # fmt: skip


def test_a_link_works_as_soon_as_its_artifact_is_stored(house):
    """The job is not done yet, and counts its ten days from its end."""
    job = house.queued()
    token = house.links.token(job.delivery_id)
    with pytest.raises(LinkInvalid, match=NONE_SUCH):
        house.links.resolve(token)
    job = house.stored()
    token = house.links.token(job.delivery_id)
    house.clock.now += TEN_DAYS + SECOND
    assert house.links.resolve(token).job_id == job.id
    house.ended(job, Stage.SUCCEEDED)
    house.clock.now += TEN_DAYS - SECOND
    assert house.links.resolve(token).job_id == job.id
    house.clock.now += SECOND
    with pytest.raises(LinkExpired):
        house.links.resolve(token)


def test_the_boundary_itself_is_over(house):
    job = house.finished()
    token, start = house.links.token(job.delivery_id), house.clock.now
    house.clock.now = start + TEN_DAYS - timedelta(microseconds=1)
    assert house.links.resolve(token).job_id == job.id
    house.clock.now = start + TEN_DAYS
    with pytest.raises(LinkExpired, match=OVER):
        house.links.resolve(token)
    house.clock.now += SECOND
    with pytest.raises(LinkExpired, match=OVER):
        house.links.resolve(token)


def test_once_expired_is_for_ever(house):
    """Also when the clock is set back, and in another process."""
    job = house.finished()
    token, start = house.links.token(job.delivery_id), house.clock.now
    house.clock.now = start + TEN_DAYS
    with pytest.raises(LinkExpired):
        house.links.resolve(token)
    house.clock.now = start
    another = another_server(house)
    with pytest.raises(LinkExpired, match=OVER):
        another.resolve(token)


def test_the_first_sight_is_what_is_written_down(house):
    job, first = house.finished(), house.clock() + TEN_DAYS
    for moment in (first, first + TEN_DAYS):
        house.link_ledger.mark_expired(job.delivery_id, now=moment)
        assert house.ledger.get(job.id).artifact.expired_at == first


def test_a_ledger_that_cannot_be_written_makes_no_link_work_again(house, monkeypatch, caplog):
    job = house.finished()
    token = house.links.token(job.delivery_id)
    house.clock.now += TEN_DAYS

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(house.link_ledger, "mark_expired", full)
    with pytest.raises(LinkExpired, match=OVER):
        house.links.resolve(token)
    assert f"could not record that the link of delivery {job.delivery_id} has expired" in caplog.text


def test_every_change_of_a_single_bit_is_refused(house):
    """And every other character at every place; counted."""
    job = house.finished()
    token = house.links.token(job.delivery_id)
    assert house.links.resolve(token).job_id == job.id
    flipped = {
        token[:place] + chr(ord(token[place]) ^ 1 << bit) + token[place + 1 :]
        for place in range(len(token))
        for bit in range(8)
    }
    replaced = {
        token[:place] + other + token[place + 1 :]
        for place in range(0, len(token), 5)
        for other in URL_SAFE + "."
        if other != token[place]
    }
    cut = {token[:place] for place in range(len(token))} | {token + other for other in URL_SAFE + ".=\n\0 "}
    wrong = flipped | replaced | cut
    accepted = []
    for altered in wrong:
        try:
            house.links.resolve(altered)
        except LinkInvalid as refused:
            assert str(refused) == "There is no such link."  # noqa: PT017  # one same answer, for all of them
        else:
            accepted.append(altered)
    assert accepted == []
    assert len(flipped) == 8 * len(token) > 800
    assert len(wrong) > 2_000


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a" * 513, "é", "a/b", "a\n", "None", "eyJ.x", None, 7, b"abc", ["a"]]
)
def test_what_is_no_token_is_no_link(house, token):
    with pytest.raises(LinkInvalid, match=NONE_SUCH):
        house.links.resolve(token)


def test_what_was_signed_for_something_else_is_no_link(house):
    """Rightly signed with our key, and never given: another salt, another kind of value."""
    import hashlib

    from itsdangerous import URLSafeSerializer

    job = house.finished()
    keys = house.keys.all(now=house.clock())
    sha384 = {"digest_method": hashlib.sha384}
    for salt, value, options in [
        ("bourn.other", job.delivery_id, sha384),
        ("bourn.link", [job.delivery_id], sha384),
        ("bourn.link", 7, sha384),
        ("bourn.link", "f" * 32, sha384),
        ("bourn.link", job.delivery_id, {}),
    ]:
        forged = URLSafeSerializer(keys, salt=salt, signer_kwargs=options).dumps(value)
        with pytest.raises(LinkInvalid, match=NONE_SUCH):
            house.links.resolve(forged)


def test_forged_unknown_revoked_deleted_and_cancelled_give_one_same_answer(house):
    revoked, erased, cancelled = house.finished(), house.finished(), house.finished(stage=Stage.CANCELLED)
    assert house.links.revoke(revoked.delivery_id) is True
    assert house.links.revoke(revoked.delivery_id) is True
    assert house.links.revoke("f" * 32) is False
    house.link_ledger.mark_erased([erased.delivery_id], now=house.clock())
    tokens = ["x.y", *(house.links.token(id_) for id_ in
                       ["f" * 32, revoked.delivery_id, erased.delivery_id, cancelled.delivery_id])]  # fmt: skip
    for later in (timedelta(0), TEN_DAYS, TEN_DAYS * 9):
        house.clock.now += later
        answers = set()
        for token in tokens if not later else tokens[:3]:
            with pytest.raises(LinkInvalid) as refused:
                house.links.resolve(token)
            answers.add((type(refused.value), str(refused.value)))
        assert answers == {(LinkInvalid, "There is no such link.")}


def test_links_outlive_a_rotation_of_keys(house):
    """Old ones in this process and in others, new ones in a process that has the old keys in memory."""
    job = house.finished()
    old = house.links.token(job.delivery_id)
    another = another_server(house)
    assert another.resolve(old).job_id == job.id
    house.links.rotate()
    new = house.links.token(job.delivery_id)
    assert new != old
    assert {each.resolve(token).job_id for each in (house.links, another) for token in (old, new)} == {job.id}
    house.clock.now += TEN_DAYS - SECOND
    assert {each.resolve(token).job_id for each in (house.links, another) for token in (old, new)} == {job.id}
    house.clock.now += SECOND
    for token in (old, new):
        with pytest.raises(LinkExpired, match=OVER):
            house.links.resolve(token)


@pytest.mark.parametrize("days", [1, 10, 365])
def test_older_keys_stay_valid_for_as_long_as_links_work_and_their_tombstones_are_known(house, days):
    lifetime = timedelta(days=days)
    links = Links(house.keys, house.link_ledger, "http://x", house.ledger_clock, lifetime=lifetime)
    job = house.finished(expires_at=house.clock() + lifetime)
    token = links.token(job.delivery_id)
    links.rotate()
    house.clock.now += lifetime + timedelta(days=90) - SECOND
    assert len(house.keys.all(now=house.clock())) == 2
    house.clock.now += SECOND
    assert len(house.keys.all(now=house.clock())) == 1
    with pytest.raises(LinkInvalid):
        another_server(house).resolve(token)


def test_the_newest_key_signs(house):
    job = house.finished()
    house.links.token(job.delivery_id)
    house.links.rotate(grace=timedelta(0))  # a key that was stolen
    newest = house.links.token(job.delivery_id)
    house.clock.now += SECOND
    assert len(house.keys.all(now=house.clock())) == 1
    fresh = another_server(house)
    assert fresh.resolve(newest).job_id == job.id


def test_a_stolen_key_is_refused_everywhere_within_seconds(house, monkeypatch):
    job = house.finished()
    another = another_server(house)
    stolen = another.token(job.delivery_id)
    house.links.rotate(grace=timedelta(0))
    monkeypatch.setattr("bourn.store.links.KEYS_FRESH_SECONDS", -1)  # the seconds have passed
    for links in (house.links, another):
        with pytest.raises(LinkInvalid, match=NONE_SUCH):
            links.resolve(stolen)


def test_keys_are_read_now_and_then_only(house, monkeypatch):
    reads = []
    really = house.keys.all
    monkeypatch.setattr(house.keys, "all", lambda **options: reads.append(1) or really(**options))
    token = house.links.token(house.finished().delivery_id)
    for _ in range(20):
        house.links.resolve(token)
    assert len(reads) == 1
    with pytest.raises(LinkInvalid):
        house.links.resolve(token[:-1])
    assert len(reads) == 2


def test_threads_that_start_at_once_give_the_same_link(house):
    job = house.finished()
    tokens, gate = set(), threading.Barrier(16)

    def give():
        gate.wait()
        tokens.add(house.links.token(job.delivery_id))

    threads = [threading.Thread(target=give) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 1


def test_two_jobs_with_equal_bytes_are_independent(house):
    one, other = house.finished(b"same"), house.finished(b"same")
    house.links.revoke(one.delivery_id)
    with pytest.raises(LinkInvalid):
        house.links.resolve(house.links.token(one.delivery_id))
    assert house.links.resolve(house.links.token(other.delivery_id)).job_id == other.id


@pytest.mark.parametrize(
    ("text", "suffix", "expected"),
    [
        ("ndvi 2024-05", ".tif", "ndvi-2024-05.tif"),
        ("org:product:t1", ".tif", "org-product-t1.tif"),
        ("../../etc/passwd", ".json", "etc-passwd.json"),
        ("..", ".json", "result.json"),
        (".bashrc", "", "bashrc.bin"),
        ('a"; filename="evil.exe', ".tif", "a-filename-evil.exe.tif"),
        ("a\r\nSet-Cookie: x", ".tif", "a-Set-Cookie-x.tif"),
        ("\u202egpj.exe", ".tif", "gpj.exe.tif"),
        ("Ünïcödé ﬁle", ".arrow", "Unicode-file.arrow"),
        ("日本", ".tif", "result.tif"),
        ("con", ".tif", "result-con.tif"),
        ("NUL.txt", ".tif", "result-NUL.txt.tif"),
        ("x" * 1000, ".tif", "x" * 100 + ".tif"),
        ("", ".tar.gz", "result.tar.gz"),
        ("a", '.x"y', "a.bin"),
        ("a", "./../x", "a.bin"),
        ("a\0b", ".tif", "a-b.tif"),
        ("a%2fb", ".tif", "a-2fb.tif"),
        ("-rf", ".tif", "rf.tif"),
    ],
)
def test_names_are_of_a_safe_alphabet(text, suffix, expected):
    assert safe_filename(text, suffix) == expected
