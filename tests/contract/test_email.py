"""Email keeps the contract: the links in its messages lead to the result, over real servers of mail and HTTP."""

import email
import email.policy
import re
from contextlib import ExitStack, contextmanager

import pytest
from bourn.testing import DestinationContract
from bourn_email.connections import close_all
from flaky import Flaky
from served import Fetching

pytestmark = pytest.mark.slow

LINK = re.compile(r"^http://\S+", re.MULTILINE)


class OfMail(DestinationContract):
    name = "email"
    options = {"to": "me@example.org"}  # noqa: RUF012  # as short as the kit lets an author write it
    free_text = ("body",)

    @pytest.fixture(autouse=True)
    def _fetching(self):
        with ExitStack() as stack:
            self.fetching = Fetching(stack)
            yield

    def began(self, trial):
        self.fetching.sessions.append(trial.session)

    def read_back(self, receipt, job):
        """What the link in the message leads to; the receipt says which message."""
        (reported,) = receipt.detail["messages"]
        (text,) = {text for id_, text in self.messages() if id_ == reported["message_id"]}  # a second copy is the same
        (link,) = LINK.findall(text)
        assert link == receipt.url
        return self.fetching.fetch(link, job)

    def visible(self):
        return [id_ for id_, _ in self.messages()]


class TestSent(OfMail):
    unretractable = "a message that went out can't be taken back"
    unknowable = "SMTP can't be asked whether a message was taken whose answer is lost; its Message-ID is the same"

    @pytest.fixture(autouse=True)
    def _served_mail(self):
        with Flaky().running() as self.server:
            self.settings = {"url": self.server.url, "timeout": 5}
            self.outage = self.server.outage
            yield
            close_all()

    def messages(self):
        kept = [each.message for each in self.server.kept]
        return [(message["Message-ID"], message.get_body(("plain",)).get_content()) for message in kept]


class TestFiled(OfMail):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path / "mail"
        self.settings = {"url": f"file://{self.folder}"}

    @contextmanager
    def outage(self):
        """A file where the folder should be: also root can't write into that."""
        self.folder.touch()
        yield
        self.folder.unlink()

    def messages(self):
        read = [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in self.folder.glob("*.eml")
        ]
        return [(message["Message-ID"], message.get_body(("plain",)).get_content()) for message in read]


del OfMail, DestinationContract  # they are no tests themselves
