"""A real mail server: Exim from Debian (exim4-daemon-light), with configuration, spool and mailboxes of its own."""

import contextlib
import email
import email.policy
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from programs import require, skip

USER, PASSWORD = "anna", "correct horse"
OWNER = "Debian-exim"

CONFIGURATION = r"""
primary_hostname = mail.bourn.test
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {tls_port} : {clear_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = ${{if eq{{$received_port}}{{{clear_port}}}{{}}{{*}}}}
tls_certificate = {folder}/certificate.pem
tls_privatekey = {folder}/key.pem
acl_smtp_rcpt = recipients
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
queue_only = {queue_only}
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
never_users =

begin acl
recipients:
  deny  local_parts = nobody
        message = there is nobody of that name
  defer local_parts = later
        message = try again later
  accept authenticated = *
  accept condition = ${{if eq{{$received_port}}{{{clear_port}}}}}
  deny  message = log in first

begin routers
mailboxes:
  driver = accept
  domains = bourn.test
  local_parts = me : you : team
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail/$local_part_data
  maildir_format
  create_directory
  user = {owner}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""


def require_exim():
    """Skip the test where no server can be started."""
    require("exim4")
    if os.geteuid() != 0:
        skip("exim4 reads a configuration file other than its own for root only")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Exim:
    """Runs while `running` does.

    Attributes
    ----------
    starttls, smtps, clear : str
        URLs without user and password. The last one offers no TLS, and takes mail from anybody.
    """

    def __init__(self, folder, *, queue_only=False):
        self.folder = Path(folder)
        ports = {"port": free_port(), "tls_port": free_port(), "clear_port": free_port()}
        self.starttls = f"smtp+starttls://localhost:{ports['port']}"
        self.smtps = f"smtps://localhost:{ports['tls_port']}"
        self.clear = f"smtp://localhost:{ports['clear_port']}"
        self._port = ports["port"]
        self._configuration = self.folder / "exim.conf"
        self._configuration.write_text(
            CONFIGURATION.format(
                folder=folder, owner=OWNER, user=USER, password=PASSWORD, queue_only=str(queue_only).lower(), **ports
            )
        )

    @classmethod
    @contextmanager
    def running(cls, **given):
        """One of its own, in a folder that its user may look into."""
        import trustme

        # What it delivers in the background may outlive it for a moment.
        with tempfile.TemporaryDirectory(prefix="bourn-exim-", ignore_cleanup_errors=True) as folder:
            authority = trustme.CA()
            leaf = authority.issue_cert("localhost")
            path = Path(folder)
            leaf.private_key_pem.write_to_path(path / "key.pem")
            for blob in leaf.cert_chain_pems:
                blob.write_to_path(path / "certificate.pem", append=True)
            authority.cert_pem.write_to_path(path / "ca.pem")
            for name in ("spool", "log", "mail"):
                (path / name).mkdir()
            for each in (path, *path.iterdir()):
                shutil.chown(each, OWNER, OWNER)
            path.chmod(0o755)
            server = cls(path, **given)
            shutil.chown(server._configuration, "root", "root")
            with server._daemon():
                yield server

    @contextmanager
    def _daemon(self):
        # -bdf stays in the foreground, so that it is ours to end.
        process = subprocess.Popen(
            [require("exim4"), "-C", self._configuration, "-bdf"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1) as probe:
                    assert b"mail.bourn.test" in probe.recv(1000)
                    break
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.05)
            else:
                raise AssertionError("exim4 does not answer")
            yield
        finally:
            process.terminate()
            process.wait(10)
            process.stderr.close()

    @property
    def ca_file(self):
        return str(self.folder / "ca.pem")

    def mailbox(self, name, *, count=1, seconds=10):
        """The messages of one mailbox, once there are so many."""
        end = time.monotonic() + seconds
        while True:
            paths = sorted((self.folder / "mail" / name / "new").glob("*"))
            if len(paths) >= count or time.monotonic() > end:
                return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]
            time.sleep(0.05)
