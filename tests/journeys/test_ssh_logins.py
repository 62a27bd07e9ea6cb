"""Logins over ssh with OpenSSH's own client: keys of every type, passwords, and what people see."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Ssh = Callable[..., "subprocess.CompletedProcess[str]"]


def address(url: str) -> tuple[str, str]:
    host, _, port = url.rpartition("/")[2].rpartition("@")[2].rpartition(":")
    return host, port


@pytest.fixture
def ssh(site) -> Ssh:
    """Runs OpenSSH's client with alice's key, unless options name another one."""

    def run(*command: str, user: str = "alice", key: Path | None = None, options: tuple[str, ...] = (), **environment):
        client = site.client("alice")
        host, port = address(site.daemon.urls["ssh"])
        arguments = client.environment["GIT_SSH_COMMAND"].replace("LogLevel=ERROR", "LogLevel=INFO").split()
        if key is not None:
            arguments[arguments.index("-i") + 1] = str(key)
        return subprocess.run(
            [arguments[0], *options, *arguments[1:], "-p", port, f"{user}@{host}", *command],
            env={**client.environment, **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )

    return run


def test_who_looks_for_a_shell_is_greeted_by_name(site, ssh):
    ran = ssh(user="git")

    _, port = address(site.daemon.urls["ssh"])
    assert ran.returncode == 0
    assert re.match(
        r"Hi alice, you are logged in to gitgate\. There is no shell here; use git, for example:\n"
        rf"  git clone ssh://git@\S+:{port}/path/to/repository\n",
        ran.stdout,
    )


def test_a_terminal_shows_the_greeting_and_no_complaint(ssh):
    ran = ssh(options=("-tt",))

    assert ran.returncode == 0
    assert ran.stdout.splitlines()[0].startswith("Hi alice, you are logged in to gitgate.")
    assert "PTY allocation" not in ran.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("scp -t /", "gitgate: unrecognized command 'scp -t /'"),
        ("git-lfs-authenticate x download", "gitgate: unrecognized command 'git-lfs-authenticate x download'"),
        ("git upload-pack --help", "gitgate: bad argument"),
        ("git-upload-pack '/open/../secret'", "gitgate: the path has '..' between its slashes"),
        ("printf '\033[2J'", "gitgate: unrecognized command 'printf '\\x1b[2J''"),
    ],
)
def test_other_commands_are_refused_as_git_shell_does_it(ssh, command, message):
    ran = ssh(command)

    assert (ran.returncode, ran.stdout) == (128, "")
    assert re.fullmatch(re.escape(message) + r" \(id [0-9a-f]{10}\)\n", ran.stderr)


def test_files_and_ports_are_not_to_be_had(ssh):
    sftp = ssh("sftp", options=("-s",))
    forward = ssh(options=("-W", "127.0.0.1:22"))

    assert (sftp.returncode, sftp.stderr) == (255, "subsystem request failed on channel 0\n")
    assert forward.returncode == 255
    assert "open failed: administratively prohibited: only sessions" in forward.stderr


def test_no_variable_of_the_client_reaches_git(site, ssh, unique):
    """CVE-2024-41956: LD_PRELOAD, sent by the client, was set for git."""
    site.filled(f"open/{unique}.git", commits=1)
    trace = site.folder / f"trace-{unique}"

    ran = ssh(
        f"git-upload-pack '/open/{unique}.git'", options=("-o", "SendEnv=GIT_TRACE GIT_PROTOCOL"), GIT_TRACE=str(trace)
    )

    assert "refs/heads/main" in ran.stdout
    assert not trace.exists()


KEYS = {
    "ed25519": ("-t", "ed25519"),
    "ecdsa-256": ("-t", "ecdsa", "-b", "256"),
    "ecdsa-384": ("-t", "ecdsa", "-b", "384"),
    "ecdsa-521": ("-t", "ecdsa", "-b", "521"),
    "rsa": ("-t", "rsa", "-b", "3072"),
}


@pytest.fixture(scope="module")
def keys(site, tmp_path_factory) -> Path:
    """A key of each type for bob. New files are seen within about a second."""
    folder = tmp_path_factory.mktemp("keys")
    for name, arguments in KEYS.items():
        subprocess.run(["ssh-keygen", "-q", "-N", "", *arguments, "-f", folder / name], check=True)
        shutil.copy(folder / f"{name}.pub", site.root.parent / "keys.d" / f"bob@{name}.pub")
    time.sleep(1.1)
    return folder


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [*((key, "*") for key in KEYS), ("rsa", "rsa-sha2-256"), ("rsa", "rsa-sha2-512")],
)
def test_keys_of_every_type_log_in(ssh, keys, key, algorithm):
    ran = ssh(user="git", key=keys / key, options=("-o", f"PubkeyAcceptedAlgorithms={algorithm}"))

    assert ran.stdout.startswith("Hi bob, "), ran.stderr


def test_rsa_with_sha1_does_not(ssh, keys):
    ran = ssh(user="git", key=keys / "rsa", options=("-o", "PubkeyAcceptedAlgorithms=ssh-rsa"))

    assert (ran.returncode, ran.stdout) == (255, "")


def test_an_unknown_key_is_refused_with_the_methods_that_there_are(ssh, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", tmp_path / "key"], check=True)

    ran = ssh(key=tmp_path / "key")

    assert ran.returncode == 255
    assert re.search(r"^alice@\S+: Permission denied \(publickey,password\)\.$", ran.stderr, re.MULTILINE)


PASSWORD_ONLY = ("-o", "BatchMode=no", "-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1")


@pytest.fixture
def askpass(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """What makes OpenSSH's client take a password from us."""

    def with_password(password: str) -> dict[str, str]:
        script = tmp_path / "askpass"
        script.write_text(f"#!/bin/sh\necho '{password}'\n")
        script.chmod(0o700)
        return {"SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force"}

    return with_password


def test_a_password_logs_in_and_clones(site, ssh, askpass, unique):
    site.filled(f"team/{unique}.git", commits=1)

    ran = ssh(f"git-upload-pack '/team/{unique}.git'", options=PASSWORD_ONLY, **askpass("wonderland"))

    assert "refs/heads/main" in ran.stdout, ran.stderr


def test_a_wrong_password_does_not(site, ssh, askpass):
    ran = ssh(options=PASSWORD_ONLY, **askpass("looking-glass"))

    assert (ran.returncode, ran.stdout) == (255, "")
    assert "Permission denied" in ran.stderr
    assert "looking-glass" not in site.daemon.log()


def test_a_wide_open_agent_is_not_locked_out(site, tmp_path, keys):
    """An agent offers its keys one after the other; the right one is the fifteenth."""
    client = site.client("bob")
    agent = subprocess.run(["ssh-agent", "-s", "-a", tmp_path / "agent"], check=True, capture_output=True, text=True)
    pid = re.search(r"SSH_AGENT_PID=(\d+)", agent.stdout)[1]
    environment = {**client.environment, "SSH_AUTH_SOCK": str(tmp_path / "agent")}
    try:
        for number in range(14):
            subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", tmp_path / f"{number}"], check=True)
        files = [*(tmp_path / f"{number}" for number in range(14)), keys / "ed25519"]
        subprocess.run(["ssh-add", "-q", *files], env=environment, check=True)
        host, port = address(site.daemon.urls["ssh"])
        ssh = ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={site.folder}/known_hosts"]
        ran = subprocess.run(
            [*ssh, "-p", port, f"git@{host}"], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
    finally:
        subprocess.run(["kill", pid], check=False)

    assert ran.stdout.startswith("Hi bob, "), ran.stderr


PROGRAM = """
    import sys
    from pathlib import Path
    from twisted.internet import reactor
    from twisted.internet.defer import ensureDeferred
    from gitgate.audit import Audit
    from gitgate.config import Limits
    from gitgate.gateway import Gateway
    from gitgate.git.command import Git
    from gitgate.git.runner import GitRunner
    from gitgate.plugin import Password, hookimpl
    from gitgate.plugin_chain import PluginChain
    from gitgate.plugin_registration import Member
    from gitgate.transports.connections import Connections
    from gitgate.transports.ssh.factory import SshFactory
    from gitgate.transports.ssh.host_keys import load_host_keys

    class Directory:
        accepts = (Password,)

        @hookimpl
        def authenticate(self, credentials, peer):
            raise ConnectionError("no server answers")

    async def main():
        chain = PluginChain([Member(name="directory", plugin=Directory())] if sys.argv[2] == "down" else [], reactor)
        await chain.start()
        git = Git(executable=Path("/usr/bin/git"), search_path="/usr/bin:/bin")
        runner = GitRunner(reactor, git, Limits())
        gateway = Gateway(chain, runner, Audit(reactor, lambda record: None))
        keys = load_host_keys([Path(sys.argv[1]) / "key"])
        factory = SshFactory(gateway, Connections(Limits(), reactor), reactor, keys, limits=Limits())
        print(reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port, flush=True)

    ensureDeferred(main()).addErrback(lambda failure: failure.printTraceback())
    reactor.run()
"""


@pytest.fixture
def log_in_at(tmp_path: Path, askpass):
    """Logs in with a password at a server of our own, whose directory is "down", or which has "none"."""
    servers: list[subprocess.Popen[str]] = []

    def log_in(directory: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path), directory]
        servers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert servers[-1].stdout is not None
        port = servers[-1].stdout.readline().strip()
        options = ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path}/known", *PASSWORD_ONLY]
        return subprocess.run(
            ["ssh", "-F", "/dev/null", *options, "-p", port, "eve@127.0.0.1"],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **askpass("secret")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    yield log_in
    for server in servers:
        server.kill()
        server.wait()
        server.stdout.close()


def test_an_outage_is_told_as_such_and_not_as_a_wrong_password(log_in_at):
    ran = log_in_at("down")

    assert ran.returncode == 255
    assert re.search(r"^gitgate: temporarily unavailable \(id [0-9a-f]{10}\)\r?$", ran.stderr, re.MULTILINE)


def test_where_nobody_can_log_in_everybody_is_let_in_without_a_name(log_in_at):
    ran = log_in_at("none")

    assert ran.stdout.startswith("Hi, this is gitgate. There is no shell here;"), ran.stderr
