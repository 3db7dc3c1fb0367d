"""Against a real mail server: TLS and logging in, what it refuses, and what arrives in the mailbox."""

import socket
import subprocess

import exim
import pytest
from bourn.cli.commands import bourn
from bourn.errors import DeliveryError
from click.testing import CliRunner
from served import served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    exim.require_exim()
    with exim.Exim.running() as server:
        yield server


@pytest.fixture
def given(server):
    return {
        "user": exim.USER, "password": exim.PASSWORD, "ca_file": server.ca_file, "timeout": 10,
        "sender": "Bourn <bourn@bourn.test>",
    }  # fmt: skip


@pytest.fixture
def new_mail(server):
    """What comes into a mailbox from now on."""
    before = {name: len(server.mailbox(name, count=0)) for name in ("me", "you", "team")}

    def new_mail(name, count=1):
        return server.mailbox(name, count=before[name] + count)[before[name] :]

    return new_mail


@pytest.mark.parametrize("how", ["starttls", "smtps"])
def test_a_message_in_the_mailbox_and_what_its_link_leads_to(mail, server, given, new_mail, tmp_path, how):
    """STARTTLS or TLS, AUTH, Maildir; the link fetched by curl: the bytes that the job gives."""
    session = mail.session(getattr(server, how), **given)
    job = mail.send(session, {"a": [1, 2]}, to=["me@bourn.test", "you@bourn.test"], cc="team@bourn.test")
    assert job.result() == b'{"a":[1,2]}'
    assert "id=" in job.receipt.detail["messages"][0]["answer"]
    ids = [reported["message_id"] for reported in job.receipt.detail["messages"]]
    arrived = [new_mail(name)[0] for name in ("me", "you", "team")]
    assert [message["Message-ID"] for message in arrived] == ids
    assert {message["To"] for message in arrived} == {"me@bourn.test, you@bourn.test"}
    assert arrived[0]["From"] == "Bourn <bourn@bourn.test>"
    assert [len(new_mail(name)) for name in ("me", "you", "team")] == [1, 1, 1]
    assert "esmtpsa" in arrived[0]["Received"].lower()  # with TLS, and logged in
    text = arrived[0].get_body(("plain",)).get_content()
    (link,) = (line for line in text.splitlines() if line.startswith("http"))
    with served(session) as client:
        url = link.replace("http://127.0.0.1:8622", str(client.base_url).rstrip("/"))
        subprocess.run(["curl", "-fsS", "-o", tmp_path / "got", url], check=True, timeout=30)
    assert (tmp_path / "got").read_bytes() == job.result()


@pytest.mark.parametrize(
    ("how", "change", "reason"),
    [
        ("starttls", {"password": "wrong"}, "answers 535 Incorrect authentication data"),
        ("smtps", {"password": "wrong"}, "answers 535 Incorrect authentication data"),
        ("starttls", {"ca_file": None}, "is not trusted: unable to get local issuer certificate"),
        ("smtps", {"ca_file": None}, "is not trusted: unable to get local issuer certificate"),
        ("starttls", {"user": "", "password": ""}, "answers 550 log in first"),
    ],
)
def test_what_is_set_wrongly_is_said_and_nothing_is_sent(mail, server, given, new_mail, how, change, reason):
    session = mail.session(getattr(server, how), **{key: value for key, value in (given | change).items() if value})
    job = mail.send(session, to="me@bourn.test")
    assert isinstance(job.error, DeliveryError)
    assert reason in job.error.message
    assert exim.PASSWORD not in f"{job.error!r} {job.receipt!r}"
    assert new_mail("me", count=0) == []


def test_without_tls_nothing_is_sent(mail, server, given, new_mail):
    """Not even a word after the server's own."""
    session = mail.session(server.clear.replace("smtp://", "smtp+starttls://"), **given)
    job = mail.send(session, to="me@bourn.test")
    assert "offers no STARTTLS, and nothing is sent unencrypted" in job.error.message
    assert new_mail("me", count=0) == []


def test_a_certificate_of_another_name_is_not_trusted(mail, server, given):
    session = mail.session(server.smtps.replace("localhost", "127.0.0.1"), **given)
    job = mail.send(session, to="me@bourn.test")
    assert "IP address mismatch" in job.error.message


def test_one_recipient_is_refused_and_another_one_waits(mail, server, given, new_mail):
    session = mail.session(server.starttls, **given)
    job = mail.send(session, to=["me@bourn.test", "nobody@bourn.test", "later@bourn.test"])
    assert job.stage == "SAVING"
    assert "answers 451 try again later" in job.progress.note or "answers 450 try again later" in job.progress.note
    while not job.refresh().done:
        mail.again(session)
    assert isinstance(job.error, DeliveryError)
    assert len(new_mail("me")) == 1


@pytest.fixture
def run(session_of, server):
    """Runs ``bourn email test`` with the installation's own plugins and these settings of mail."""

    def run(to, **settings):
        session = session_of(settings={"plugins": {"email": {"url": server.starttls, **settings}}})
        return CliRunner().invoke(bourn, ["email", "test", "--to", to], obj=session)

    return run


def test_a_test_message_tells_each_step(run, given, new_mail):
    done = run("me@bourn.test", **given)
    assert done.exit_code == 0, done.output
    for said in (
        "Connecting to localhost", "The server sent its greeting", "STARTTLS",
        "TLSv1.3: trusted certificate for localhost",
        "The login succeeded", "The sender bourn@bourn.test is accepted",
        "The recipient me@bourn.test is accepted", "The message is accepted: 250 OK id=", "Sent.",
    ):  # fmt: skip
        assert said in done.output
    assert new_mail("me")[0]["Subject"] == "Workflows: Test message from bourn"
    assert exim.PASSWORD not in done.output


IS_FINAL = "A job would fail at once; its result and its link are kept."
IS_NOT = "A job's message would be retried for 900 s (plugins.email.retry_for)."


@pytest.mark.parametrize(
    ("to", "how", "change", "said"),
    [
        ("me", "starttls", {"password": "wrong"}, ("535 Incorrect", "User or password is wrong", IS_FINAL)),
        ("me", "starttls", {"ca_file": None}, ("is not trusted", "set plugins.email.ca_file to", IS_FINAL)),
        ("me", "starttls", {"ca_file": "/nowhere.pem"}, ("can't be read", "of trusted certificates", IS_FINAL)),
        ("me", "starttls", {"ca_file": __file__}, ("can't be read", "of trusted certificates", IS_FINAL)),
        ("me", "at 127.0.0.1", {}, ("IP address mismatch", "use the name of the certificate", IS_FINAL)),
        (
            "nobody",
            "starttls",
            {},
            ("550 there is nobody", "The server accepts no mail for that recipient.\n", IS_FINAL),
        ),
        ("later", "starttls", {}, ("451 try again later", "The server accepts no mail for that recipient.\n", IS_NOT)),
        ("me", "starttls", {"user": None, "password": None}, ("log in first", "set plugins.email.user", IS_FINAL)),
        ("me", "no starttls", {}, ("offers no STARTTLS", "ports are 587", IS_FINAL)),
        ("me", "clear", {}, ("AUTH extension not supported", "most servers do with TLS", IS_FINAL)),
        ("me", "tls in a clear port", {}, ("WRONG_VERSION_NUMBER", "use smtp+starttls://", IS_NOT)),
        ("me", "clear in a tls port", {}, ("sent no greeting", "needs smtps://", IS_NOT)),
        ("me", "down", {}, ("Connection refused", "No server listens there", IS_NOT)),
        ("me", "smtps://nosuch.invalid", {}, ("can't be reached", "check the spelling", IS_NOT)),
    ],
)
def test_a_test_message_that_fails_says_where_and_what_to_do(run, server, given, unused_port, to, how, change, said):
    urls = {
        "starttls": server.starttls, "clear": server.clear,
        "at 127.0.0.1": server.smtps.replace("localhost", "127.0.0.1"),
        "no starttls": server.clear.replace("smtp://", "smtp+starttls://"),
        "tls in a clear port": server.starttls.replace("smtp+starttls", "smtps"),
        "clear in a tls port": server.smtps.replace("smtps", "smtp+starttls"),
        "down": f"smtp://127.0.0.1:{unused_port}",
    }  # fmt: skip
    settings = {name: value for name, value in (given | change).items() if value} | {"url": urls.get(how, how)}
    done = run(f"{to}@bourn.test", **settings)
    assert done.exit_code == 1, done.output
    assert done.output.startswith("Connecting to ")
    for words in said:
        assert words in done.output
    assert done.output.endswith(f"{said[-1]}\n")
    assert exim.PASSWORD not in done.output


@pytest.fixture
def unused_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_test_message_whose_answer_is_lost_may_have_come(session_of, flaky):
    flaky.script = ["drop-after-data"]
    session = session_of(settings={"plugins": {"email": {"url": flaky.url, "timeout": 0.5}}})
    done = CliRunner().invoke(bourn, ["email", "test", "--to", "me@example.org"], obj=session)
    assert done.exit_code == 1
    assert "before its answer\nCheck whether the message arrived." in done.output


def test_without_a_server_it_says_how_to_name_one(session_of):
    done = CliRunner().invoke(bourn, ["email", "test", "--to", "me@example.org"], obj=session_of())
    assert done.exit_code == 0
    assert ".eml.\n" in done.output
    assert 'url = "smtp+starttls://HOST"' in done.output
