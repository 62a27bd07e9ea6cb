"""One record for each operation, the same on every transport, however it ends.

The clients that go wrong in the middle of a clone are written by hand: git's own would be done before they are killed.
"""

import base64
import json
import os
import signal
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator
from waiting import wait_until

from gitgate.audit_json import schema_text

SCHEMA = json.loads(schema_text())

AUDITED = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
  - {url: "http://127.0.0.1:0"}
  - {url: "https://127.0.0.1:0", tls: {certificate: tls.crt, key: tls.key}}
  - {url: "git://127.0.0.1:0"}
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - {use: authorized-keys, directory: keys.d, shared_user: git}
  - {use: failing}
  - use: rules
RULES
  - {use: tree, root: repositories}
audit: {file: audit.jsonl}
limits: {idle_deadline: IDLE}
"""

#: Installed beside the site, as any third party's plugin would be.
FAILING = """
from gitgate.plugin import hookimpl

class Failing:
    @hookimpl
    def resolve_path(self, request):
        if request.path.startswith("/broken/"):
            raise RuntimeError("the database is gone")
"""


_counts_records = pytest.mark.no_twins("each command's records are counted")


class Audited:
    """A site with an audit log."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self._seen = 0

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.site.folder / "audit.jsonl").read_text().splitlines()]

    def new(self, at_least: int = 1) -> list[dict[str, Any]]:
        """The records since the last call, once there are some. Each is valid, and has the same fields in one order."""
        wait_until(lambda: len(self.all()) >= self._seen + at_least)
        records = self.all()[self._seen :]
        self._seen += len(records)
        for record in records:
            Draft202012Validator(SCHEMA).validate(record)
            assert list(record) == list(SCHEMA["properties"])
        return records

    def close(self) -> None:
        """Every operation that the log tells of is in the audit log once."""
        assert self.site.daemon.close() == 0
        told = [line for line in self.site.daemon.log().splitlines() if " audit: " in line]
        assert Counter(line.rpartition("[")[2].rstrip("]") for line in told) == Counter(
            record["request_id"] for record in self.all()
        )
        assert len({record["request_id"] for record in self.all()}) == len(self.all())


Start = Callable[..., Audited]


@pytest.fixture(scope="module")
def start(starting: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    folder = tmp_path_factory.mktemp("audited")
    (folder / "failing.py").write_text(FAILING)
    (folder / "failing-1.dist-info").mkdir()
    (folder / "failing-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: failing\nVersion: 1\n")
    (folder / "failing-1.dist-info" / "entry_points.txt").write_text("[gitgate.plugins]\nfailing = failing:Failing\n")
    running: list[Audited] = []

    def start_one(idle_deadline: str) -> Audited:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])))
            site = starting(folder / f"site{len(running)}", AUDITED.replace("IDLE", idle_deadline))
        running.append(Audited(site))
        return running[-1]

    yield start_one
    for audited in running:
        audited.close()


@pytest.fixture(scope="module")
def audited(start: Start) -> Audited:
    return start("10m")


@pytest.fixture
def known(audited: Audited) -> Audited:
    """The same, where all that happened before has been seen."""
    audited.new(at_least=0)
    return audited


@_counts_records
def test_a_clone_and_a_push_are_told_with_what_they_moved(known: Audited, transport: str, unique: str) -> None:
    known.site.filled(f"open/{unique}.git")
    client = known.site.client("alice")

    client.git("clone", "-q", known.site.url(transport, f"open/{unique}"), "clone")
    reads = known.new()
    client.commit(client.home / "clone", README="mine\n")
    client.git("push", "-q", "origin", "main", cwd=client.home / "clone")
    writes = known.new()

    # Over http, each request is an operation: the advertisement, and then what follows from it. git logs in there only
    # where it is challenged, and everybody may do this.
    requests = {"http": (3, 2), "https": (3, 2)}.get(transport, (1, 1))
    assert (len(reads), len(writes)) == requests
    who, method = (("alice", ["devs"]), "publickey") if transport == "ssh" else (("anonymous", None), "anonymous")
    for record in (*reads, *writes):
        assert (record["identity"], record["groups"] or None, record["method"]) == (*who, method)
        assert (record["transport"], record["encrypted"]) == (transport, transport in ("ssh", "https"))
        assert (record["verdict"], record["exit_code"], record["plugin"]) == ("completed", 0, "rules")
        assert (record["path"], record["repository"]) == (f"/open/{unique}", f"open/{unique}")
        assert (record["address"], record["fingerprint"] is not None) == ("127.0.0.1", transport == "ssh")
    assert {record["service"] for record in reads} == {"git-upload-pack"}
    assert {record["service"] for record in writes} == {"git-receive-pack"}
    assert reads[-1]["bytes_out"] > 500
    assert writes[-1]["bytes_in"] > 200


@pytest.mark.parametrize("transport", ["ssh", "http", "https"], indirect=True)
def test_who_may_not_push_is_denied_by_the_rule(known: Audited, transport: str, unique: str) -> None:
    known.site.filled(f"team/{unique}.git", commits=1)
    client = known.site.client("bob")
    client.git("clone", "-q", known.site.url(transport, f"team/{unique}", user="bob"), "clone")
    client.commit(client.home / "clone", README="mine\n")
    known.new()

    client.git("push", "-q", cwd=client.home / "clone", fails=True)

    challenged, record = [None, *known.new()][-2:]
    assert challenged is None or challenged["verdict"] == "challenged"  # over http, git asks without a login first
    assert (record["verdict"], record["identity"], record["plugin"]) == ("denied", "bob", "rules")
    assert record["reason"].startswith("devs-push")
    assert (record["repository"], record["exit_code"]) == (f"team/{unique}", None)


@_counts_records
def test_what_is_not_there_is_missing(known: Audited, transport: str, unique: str) -> None:
    known.site.client("alice").git("ls-remote", known.site.url(transport, f"open/{unique}"), fails=True)

    *before, record = known.new(at_least=2 if transport in ("http", "https") else 1)
    assert [one["verdict"] for one in before] == (["challenged"] if transport in ("http", "https") else [])
    # Who is not logged in may yet have to be told of a repository that only others see.
    verdict = "challenged" if transport == "git" else "missing"
    assert (record["verdict"], record["path"], record["repository"]) == (verdict, f"/open/{unique}", None)


@pytest.mark.parametrize("transport", ["ssh", "http", "https"], indirect=True)
def test_a_wrong_password_is_told_with_the_name_that_was_typed(known: Audited, transport: str, unique: str) -> None:
    client = known.site.client("alice")
    url = known.site.url(transport, f"open/{unique}").replace("wonderland", "l00king-glass")
    if transport == "ssh":
        askpass = client.home / "askpass"
        askpass.write_text("#!/bin/sh\necho l00king-glass\n")
        askpass.chmod(0o755)
        command = client.environment["GIT_SSH_COMMAND"].replace("BatchMode=yes", "BatchMode=no")
        command += " -o PreferredAuthentications=password -o NumberOfPasswordPrompts=1"
        told = {"GIT_SSH_COMMAND": command, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
        client.git("ls-remote", url, fails=True, **told)
    else:
        client.git("ls-remote", url, fails=True)

    *_, record = known.new()
    assert [record[name] for name in ("verdict", "username", "method", "plugin", "identity", "path")] == [
        *("rejected", "alice", "password", "htpasswd"),
        *(None, None),
    ]


@_counts_records
def test_a_path_that_cannot_be_one_is_malformed(known: Audited, transport: str) -> None:
    said = known.site.client("alice").git("ls-remote", known.site.url(transport, "open//x"), fails=True)

    (record,) = known.new()
    assert f"the path has an empty part (id {record['request_id']})" in said
    assert (record["verdict"], record["service"], record["exit_code"]) == ("malformed", None, None)


@_counts_records
def test_the_id_that_a_user_is_told_when_a_plugin_fails_is_in_the_record(known: Audited, transport: str) -> None:
    said = known.site.client("alice").git("ls-remote", known.site.url(transport, "broken/x"), fails=True)

    (record,) = known.new()
    assert (record["verdict"], record["plugin"], record["path"]) == ("failed", "failing", "/broken/x")
    assert f"(id {record['request_id']})" in said or transport in ("http", "https")


@_counts_records
def test_a_refused_ssh_key_is_told_once_with_the_name_and_the_reason(known: Audited) -> None:
    """Each of these was "Permission denied (publickey)" for the user, and nothing for whoever looks for the reason."""
    site = known.site
    for user, option in {"late": 'expiry-time="20200101" ', "afar": 'from="192.0.2.0/24" ', "nobody": None}.items():
        key = site.keys / user
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        if option is not None:
            (site.folder / "keys.d" / f"{user}.pub").write_text(option + key.with_suffix(".pub").read_text())
    wait_until(lambda: refused_key(known, "late")["plugin"] == "authorized-keys")  # the files are read again

    records = {user: refused_key(known, user) for user in ("nobody", "late", "afar")}

    for user, record in records.items():
        assert (record["verdict"], record["username"], record["method"]) == ("rejected", user, "publickey")
        assert (record["identity"], record["service"]) == (None, None)
        assert record["fingerprint"] in record["reason"]
    assert records["nobody"]["reason"].endswith(": no plugin knows the key")
    assert "its expiry-time has passed" in records["late"]["reason"]
    assert "127.0.0.1" in records["afar"]["reason"]


def refused_key(known: Audited, user: str) -> dict[str, Any]:
    said = known.site.client(user).git("ls-remote", known.site.url("ssh", "open/x", user=user), fails=True)
    assert "Permission denied" in said
    (record,) = known.new()
    return record


class Fetch:
    """git-upload-pack of protocol 0, spoken by hand up to the first bytes of the pack."""

    def __init__(self, site: Any, transport: str, path: str, wanted: str | None) -> None:
        body = b"" if wanted is None else b"0032want %b\n00000009done\n" % wanted.encode()
        place = urlsplit(site.url(transport, path))
        self._ssh: subprocess.Popen[bytes] | None = None
        if transport == "ssh":
            command = site.client("alice").environment["GIT_SSH_COMMAND"].split()
            command += ["-p", str(place.port), f"alice@{place.hostname}", f"git-upload-pack '/{path}'"]
            self._ssh = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
            assert self._ssh.stdin is not None
            self._ssh.stdin.write(body)
            return
        plain = socket.create_connection(("127.0.0.1", place.port), timeout=20)
        self._socket = plain
        if transport == "git":
            request = b"git-upload-pack /%b\0host=x\0" % path.encode()
            plain.sendall(b"%04x%b" % (len(request) + 4, request) + body)
            return
        if transport == "https":
            self._socket = ssl.create_default_context(cafile=site.folder / "tls.crt").wrap_socket(
                plain, server_hostname="localhost"
            )
        login = base64.b64encode(b"alice:wonderland").decode()
        # Without anything wanted, the rest of the body is announced and does not come.
        head = (
            f"POST /{path}/git-upload-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
            "Content-Type: application/x-git-upload-pack-request\r\n"
            f"Content-Length: {len(body) or 100}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + (body or b"0032"))

    def read(self, size: int = 1000) -> bytes:
        if self._ssh is None:
            return self._socket.recv(size)
        assert self._ssh.stdout is not None
        return self._ssh.stdout.read(size)

    def drain(self) -> None:
        try:
            while self.read(1_000_000):
                pass
        except OSError:
            pass

    def kill(self) -> None:
        if self._ssh is None:
            self._socket.close()
            return
        with self._ssh:
            self._ssh.kill()


@pytest.fixture(scope="module")
def big(audited: Audited) -> str:
    """The commit of a repository that no socket's buffer holds: its clone stands still when the client does."""
    target = audited.site.filled("open/big.git", commits=1)
    client = audited.site.client("alice")
    work = client.home / "work"
    client.git("clone", "-q", target, work)
    (work / "big").write_bytes(os.urandom(30_000_000))
    commit = client.commit(work)
    client.git("push", "-q", "origin", "main", cwd=work)
    return str(commit)


def test_a_client_that_is_killed_in_the_middle_of_a_clone_is_told_as_gone(
    audited: Audited, big: str, transport: str
) -> None:
    audited.new(at_least=0)
    fetch = Fetch(audited.site, transport, "open/big", big)
    fetch.read()

    fetch.kill()

    (record,) = audited.new()
    assert (record["verdict"], record["reason"]) == ("aborted", "the client went away")
    assert (record["service"], record["repository"]) == ("git-upload-pack", "open/big")
    assert 0 < record["bytes_out"] < 30_000_000


def test_a_git_that_is_killed_is_told_with_its_signal(audited: Audited, big: str, transport: str) -> None:
    audited.new(at_least=0)
    fetch = Fetch(audited.site, transport, "open/big", big)
    fetch.read()

    for group in children(audited.site.daemon.process.pid):
        os.killpg(group, signal.SIGKILL)
    fetch.drain()
    fetch.kill()

    (record,) = audited.new()
    assert (record["verdict"], record["exit_code"]) == ("completed", -signal.SIGKILL)


def test_a_client_that_is_silent_for_too_long_is_told_as_such(start: Start) -> None:
    audited = start("500ms")
    audited.site.filled("open/app.git", commits=1)

    records: Mapping[str, Any] = {}
    for transport in ("ssh", "http", "https", "git"):
        fetch = Fetch(audited.site, transport, "open/app", None)
        (record,) = audited.new()
        fetch.kill()
        records = {**records, transport: (record["transport"], record["verdict"], record["reason"])}

    silent = "no byte had moved for the whole of limits.idle_deadline"
    assert records == {transport: (transport, "aborted", silent) for transport in ("ssh", "http", "https", "git")}


def children(process: int) -> list[int]:
    """The gits that run, each of which leads a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        fields = stat[stat.rindex(")") + 2 :].split()
        if int(fields[1]) == process and fields[0] != "Z":
            found.append(int(entry.name))
    return found
