"""What requests and settings may say, and what is refused before anything happens."""

import pytest
from bourn.errors import InvalidOptions, Refused, SettingsError
from bourn.testing import session_with
from bourn_email.plugin import Email
from bourn_email.text import add_prefix


@pytest.fixture
def plan():
    """Plans a request with these options, under these settings."""

    def plan(settings=None, **options):
        with session_with(destinations={"email": Email}, settings={"plugins": {"email": settings or {}}}) as session:
            return session.plan(2, destination={"type": "email", **options}, format="json")

    return plan


def notes(plan):
    return [note.message for note in plan.notes if "links begin" not in note.message]


def test_the_seeds_defaults(plan):
    options = plan().as_json()["destination"]
    assert options == {
        "type": "email", "to": None, "cc": None, "subject": "Your job has completed",
        "body": "Your Workflows job is done.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("subject", "whole"),
    [("Done", "Workflows: Done"), ("Workflows: Done", "Workflows: Done"), ("", "Workflows: ")],
)
def test_the_prefix_is_there_once(subject, whole):
    assert add_prefix(subject, "Workflows: ") == whole
    assert add_prefix(whole, "Workflows: ") == whole


@pytest.mark.parametrize(
    "address",
    [
        "nobody", "", "a@b", "me@example.org, you@example.org", "Me <me@example.org>", "group: me@example.org;",
        "@relay.example.org:me@example.org", "me%relay@example.org", "host!me@example.org", "me(comment)@example.org",
        '"me"@example.org', "me@[127.0.0.1]", "me@example.org\nBcc: you@example.org", "mé@example.org",
        "=?utf-8?q?me?=@example.org", "me@exam ple.org", "me@example.org ", "me@-example.org",
        "x" * 65 + "@example.org", "me@" + "x." * 130 + "org", "me@example.invalid", "\u202eme@example.org",
    ],
)  # fmt: skip
@pytest.mark.parametrize("at", ["to", "cc", "list"])
def test_what_is_no_plain_mailbox_is_refused_with_its_place(plan, address, at):
    options = {"to": ["me@example.org", address]} if at == "list" else {at: address}
    with pytest.raises(InvalidOptions) as caught:
        plan(**options)
    (problem,) = caught.value.problems
    assert problem.path == ("destination.to[1]" if at == "list" else f"destination.{at}")


@pytest.mark.parametrize(
    "address",
    [
        "me@example.org", "me+tag@sub.example.org", "me@bücher.example.org", "ME@EXAMPLE.ORG", "me@localhost",
        "o'neil@example.org", "me@host.local", "1@example.org",
    ],
)  # fmt: skip
def test_plain_mailboxes_are_taken(plan, address):
    assert plan(to=address).chosen_destination.options.to == address


@pytest.mark.parametrize(
    "subject", ["a\nb", "a\rb", "a\0b", "a\u2028b", "a\u2029b", "=?utf-8?q?x?=", "\x1b[2J", "\u202ex"]
)
def test_a_subject_is_one_line_of_text(plan, subject):
    with pytest.raises(InvalidOptions) as caught:
        plan(subject=subject)
    assert [problem.path for problem in caught.value.problems] == ["destination.subject"]


def test_lengths(plan):
    assert plan(subject="x" * 900, body="x" * 100_000)
    with pytest.raises(InvalidOptions) as caught:
        plan(subject="x" * 901, body="x" * 100_001, to=[])
    assert [problem.path for problem in caught.value.problems] == [
        "destination.subject", "destination.body", "destination.to",
    ]  # fmt: skip


def test_a_body_may_have_lines_and_tabs_but_no_control_characters(plan):
    assert plan(body="a\r\nb\n\tc 👩\u200d🔬")
    with pytest.raises(InvalidOptions):
        plan(body="a\x08b")


def test_everything_that_is_wrong_is_said_at_once(plan):
    with pytest.raises(InvalidOptions) as caught:
        plan(to=["me@example.org", "nobody"], subjekt="x", subject=3)
    assert [problem.path for problem in caught.value.problems] == [
        "destination.to[1]", "destination.subjekt", "destination.subject",
    ]  # fmt: skip
    assert "did you mean 'subject'?" in str(caught.value)
    assert "expected an e-mail address, got 'nobody'" in str(caught.value)


@pytest.mark.parametrize("name", ["bcc", "Bcc", "BCC"])
def test_no_hint_turns_a_blind_copy_into_an_open_one(plan, name):
    """Taking that advice would show everybody who else has got the message."""
    with pytest.raises(InvalidOptions) as caught:
        plan(**{name: "secret@example.org"})
    (problem,) = caught.value.problems
    assert problem.message == f"'email' has no option {name!r}. Options: body, cc, subject, to"


RULES = {"allowed_recipients": ["*@example.org", "*@*.example.org", "boss@other.org"]}


@pytest.mark.parametrize("address", ["me@example.org", "ME@Example.ORG", "me@sub.example.org", "boss@other.org"])
def test_who_may_be_written_to(plan, address):
    assert plan(RULES, to=address)


@pytest.mark.parametrize(
    "address", ["me@other.org", "me@example.org.evil.com", "me@notexample.org", "me@ex\u0430mple.org"]
)
def test_who_may_not(plan, address):
    with pytest.raises(Refused) as caught:
        plan(RULES, to=["me@example.org", address], cc=address)
    assert [problem.path for problem in caught.value.problems] == ["destination.to[1]", "destination.cc"]


def test_rules_hold_for_the_default_recipient_too(plan):
    with pytest.raises(Refused, match="is not an allowed recipient"):
        plan({"allowed_recipients": ["*@example.org"]})


def test_a_rule_that_came_later_holds_too(mail, flaky):
    """Between the plan and the try the settings have changed."""
    session = mail.session(flaky.url)
    with flaky.outage():
        job = mail.send(session, to="me@example.org")
    session.close()
    other = mail.session(flaky.url, home=session.settings.folder, clock=session.clock, allowed_recipients=["*@x.org"])
    session.clock.move(seconds=5)
    other.engine.carry_due()
    other.engine.drain()
    assert "is not an allowed recipient" in other.job(job.id).error.message
    assert flaky.kept == []


def test_without_settings_the_plan_says_where_the_message_goes(plan):
    (note,) = notes(plan(to="me@example.org"))
    assert note.endswith("as a file: plugins.email.url says how to send it")


def test_the_default_recipient_is_noted(plan):
    assert notes(plan({"url": "smtp://mail.example.org"}, to="me@example.org")) == []
    assert notes(plan({"url": "smtp://mail.example.org", "to": "a@example.org"})) == [
        "the message goes to a@example.org"
    ]
    (note,) = notes(plan({"url": "smtp://mail.example.org"}))
    assert note.endswith("@localhost")


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org", "http://mail.example.org", "smtp://", "smtp://host:0", "smtp://host:70000", "smtp://h/path",
        "smtp://h?timeout=3", "file://folder", "file:folder", "smtp://us er:hunter2@h", "smtp://h:hunter2",
        "smtps://anna:hunter2%00@h", "smtp://[::1", "imap://anna:hunter2@h",
    ],
)  # fmt: skip
def test_a_url_that_leads_nowhere_is_refused_and_never_quoted(plan, url):
    with pytest.raises(SettingsError) as caught:
        plan({"url": url})
    assert "plugins.email.url" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"url": "smtp://anna:secret@mail.example.org"}, "is never sent over an unencrypted connection"),
        ({"url": "smtp://mail.example.org", "user": "anna", "password": "secret"}, "is never sent over an unencrypted"),
        ({"url": "smtps://mail.example.org", "user": "anna"}, "both a user and a password"),
    ],
)
def test_a_password_is_for_tls_only(plan, settings, reason):
    with pytest.raises(Refused, match=reason) as caught:
        plan(settings, to="me@example.org")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"sender": "nobody"}, {"sender": "A <b"}, {"sender": "a\nb <me@example.org>"}, {"subject_prefix": "a\nb"},
        {"on_unknown": "panic"}, {"allowed_recipients": ["example.org"]}, {"allowed_recipients": ["a@b c"]},
        {"retry_for": -1}, {"timeout": 0}, {"user": "ä"}, {"to": "nobody"}, {"urll": "x"},
    ],
)  # fmt: skip
def test_settings_that_can_not_be(plan, settings):
    with pytest.raises(SettingsError):
        plan(settings, to="me@example.org")


def test_nothing_secret_is_shown(mail, flaky):
    session = mail.session(flaky.url.replace("//", "//anna:hunter2@"))
    job = mail.send(session)
    assert isinstance(job.error, Exception)  # no AUTH is offered
    seen = f"{job.error!r} {job.error} {session.settings!r} {job.plan!r} {job.receipt!r} {session.registry.describe()}"
    assert "hunter2" not in seen
