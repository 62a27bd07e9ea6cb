"""Processes that are killed, frozen, orphaned or never end; clients that vanish; signals to the server itself."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from quarantine import wait_until_quarantine_is_gone
from waiting import wait_until

TRANSPORTS = pytest.mark.parametrize("transport", ["ssh", "http", "git"])


def _git_of(site, repository: str, program: str) -> list[int]:
    """The processes of a program that serve a repository of the site."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes().split(b"\0")
            environment = (entry / "environ").read_bytes()
            serves = b"GITGATE_REQUEST_ID" in environment and os.fsencode(site.root / repository) in environment
            if serves and program.encode() in command[1:2]:
                found.append(int(entry.name))
    return found


def _hang(directory: Path, hook: str = "pre-receive") -> Path:
    """A hook that waits for the file `go` beside it."""
    script = directory / "hooks" / hook
    script.write_text(
        f"#!/bin/sh\ncat >/dev/null\ntouch '{directory}/hangs'\nwhile [ ! -e '{directory}/go' ]; do sleep 0.1; done\n"
    )
    script.chmod(0o755)
    return directory / "go"


@TRANSPORTS
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL], ids=["crashes", "is-killed"])
def test_f1_a_git_that_dies_is_a_failure_for_its_client_alone(site, transport, number, unique):
    """F27 as well: the kernel kills what takes too much memory with SIGKILL."""
    directory = site.repository(f"open/{unique}")
    go = _hang(directory)
    client = site.client()
    work = client.work_tree(site.url(transport, f"open/{unique}"))
    pushing = client.popen("push", "-q", "origin", "main", cwd=work)
    wait_until((directory / "hangs").exists)
    for pid in _git_of(site, f"open/{unique}", "receive-pack"):
        os.kill(pid, number)
    go.touch()
    assert pushing.wait(40) != 0
    wait_until(lambda: re.search(rf"/open/{unique}: .* exit {-number},", site.daemon.log()), "no record has the signal")
    for leftover in directory.glob("refs/heads/*.lock"):
        pytest.fail(f"{leftover} is left behind")
    client.git("push", "-q", "origin", "main", cwd=work)


@TRANSPORTS
def test_f27_a_killed_helper_of_git_is_a_failure_and_no_truncated_success(site, transport, unique):
    directory = site.filled(f"open/{unique}")
    trap = site.folder / f"trap-{unique}"
    trap.write_text("#!/bin/sh\nkill -KILL $$\n")
    trap.chmod(0o755)
    client = site.client()
    work = client.home / "work"
    client.git("clone", "-q", site.url(transport, f"open/{unique}"), work)
    hook = directory / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\ncat >/dev/null\nkill -KILL $$\n")
    hook.chmod(0o755)
    client.commit(work, README="changed\n")
    assert "pre-receive hook declined" in client.git("push", "origin", "main", cwd=work, fails=True)
    client.git("ls-remote", "origin", cwd=work)
    wait_until_quarantine_is_gone(directory)


def test_f4_what_a_killed_push_leaves_is_told_when_it_is_old_and_not_deleted(site, unique):
    directory = site.repository(f"open/{unique}")
    _hang(directory)
    client = site.client()
    work = client.work_tree(site.url("git", f"open/{unique}"))
    pushing = client.popen("push", "-q", "origin", "main", cwd=work)
    wait_until((directory / "hangs").exists)
    for pid in _git_of(site, f"open/{unique}", "receive-pack"):
        os.killpg(os.getpgid(pid), signal.SIGKILL)
    pushing.wait(40)
    (left,) = [path for path in (directory / "objects").iterdir() if path.name.startswith(("tmp_objdir", "incoming"))]

    def told() -> bool:
        command = [sys.executable, "-m", "gitgate", "check", "--online", "-c", site.folder / "gitgate.yaml"]
        said = subprocess.run(command, cwd=site.folder, capture_output=True, text=True, timeout=60)
        return f"open/{unique} (1)" in said.stdout + said.stderr

    assert not told()  # a push that is under way looks the same
    os.utime(left, (0, 0))
    assert told()
    assert left.exists()


def test_f7_a_hook_that_hangs_is_ended_and_its_client_told(another_site, doors, plugins):
    """git says something every few seconds while a hook runs; that must not count as life."""
    limits = "limits: {idle_deadline: 10s}\ngit: {config: {receive.keepAlive: '1'}}\n"
    site = another_site(doors + plugins + limits)

    def push(transport: str) -> str:
        directory = site.repository(f"open/{transport}")
        _hang(directory)
        client = site.client()
        work = client.work_tree(str(directory))
        return str(client.git("push", site.url(transport, f"open/{transport}"), "main", cwd=work, fails=True))

    with ThreadPoolExecutor(3) as pool:
        said = dict(zip(("ssh", "http", "git"), pool.map(push, ("ssh", "http", "git")), strict=True))
    assert "gitgate: closed, because no byte had moved for too long" in said["ssh"]
    assert all("the remote end hung up unexpectedly" in text or "RPC failed" in text for text in said.values())
    wait_until(lambda: not site.daemon.children(), "the hook still runs")
    site.daemon.wait_for_log("no byte had moved for the whole of limits.idle_deadline", times=3)


def test_f18_a_push_that_is_under_way_is_finished_before_the_server_ends(another_site, doors, plugins):
    site = another_site(doors + plugins)
    directory = site.repository("open/app")
    go = _hang(directory)
    client = site.client()
    work = client.work_tree(site.url("git", "open/app"))
    pushing = client.popen("push", "-q", "origin", "main", cwd=work)
    wait_until((directory / "hangs").exists)

    site.daemon.process.send_signal(signal.SIGTERM)
    site.daemon.wait_for_log("stopping: SIGTERM")
    client.git("ls-remote", site.url("git", "open/app"), fails=True)
    go.touch()

    assert pushing.wait(40) == 0
    assert site.daemon.process.wait(40) == 0
    assert client.git("-C", directory, "rev-parse", "main") == client.git("rev-parse", "main", cwd=work)


@TRANSPORTS
def test_f18_a_push_that_the_server_does_not_wait_for_changes_nothing_afterwards(
    another_site, doors, plugins, transport
):
    """A second Ctrl-C: the client hears that the push has failed, while receive-pack and its hook went on without the
    server, and the branch moved some time later."""
    site = another_site(doors + plugins)
    directory = site.repository("open/app")
    go = _hang(directory)
    client = site.client()
    work = client.work_tree(site.url(transport, "open/app"))
    pushing = client.popen("push", "-q", "origin", "main", cwd=work)
    wait_until((directory / "hangs").exists)

    for number in (signal.SIGINT, signal.SIGTERM):
        site.daemon.process.send_signal(number)
        site.daemon.wait_for_log("stopping: SIGINT")
    assert site.daemon.process.wait(40) == 0
    left = site.daemon.children()
    go.touch()

    assert left == []
    assert pushing.wait(40) != 0
    assert client.git("-C", directory, "for-each-ref") == ""
    assert "git-receive-pack /open/app: aborted (the server was ended)" in site.daemon.log()


def test_f19_signals_that_mean_nothing_change_nothing_and_no_child_is_lost_in_a_storm(site, unique):
    path = f"open/{unique}"
    site.filled(path)
    stop = threading.Event()

    def storm() -> None:
        while not stop.wait(0.001):
            for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGCHLD, signal.SIGWINCH):
                site.daemon.process.send_signal(number)

    sending = threading.Thread(target=storm)
    sending.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            done = [pool.submit(site.client().git, "ls-remote", site.url("git", path)) for _ in range(20)]
            assert all("refs/heads/main" in listed.result() for listed in done)
    finally:
        stop.set()
        sending.join()
    wait_until(lambda: not site.daemon.children() and not _zombies(site.daemon.process.pid))


@TRANSPORTS
def test_f28_of_two_pushes_to_one_branch_one_is_told_why_not(site, transport, unique):
    """Both are under way at once: the second one has its objects when the first one moves the branch."""
    directory = site.repository(f"open/{unique}")
    go = _hang(directory)
    client = site.client()
    url = site.url(transport, f"open/{unique}")
    works = [client.work_tree(url, name=name) for name in ("first", "second")]
    pushing = [client.popen("push", "-q", "origin", "main", cwd=work) for work in works]
    wait_until(lambda: len(_git_of(site, f"open/{unique}", "receive-pack")) == 2)
    wait_until((directory / "hangs").exists)
    go.touch()

    assert sorted(push.wait(40) for push in pushing) == [0, 1]
    has = client.git("-C", directory, "rev-parse", "main")
    assert has in [client.git("rev-parse", "HEAD", cwd=work) for work in works]
    client.git("-C", directory, "fsck", "--no-progress")
    assert not list(directory.rglob("*.lock"))


# Nothing left behind.


def _zombies(parent: int) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            state, ppid = (entry / "stat").read_text().rpartition(") ")[2].split()[:2]
            if state == "Z" and int(ppid) == parent:
                found.append(entry.name)
    return found


class Aborter:
    """Begins sessions over every transport, and vanishes in the middle: by an end, or by a reset."""

    def __init__(self, site, path: str) -> None:
        self._site = site
        self._path = path
        self._tls = ssl.create_default_context(cafile=str(site.folder / "tls.crt"))
        self._ways = [
            self._git,
            self._http,
            self._push,
            self._git,
            self._ssh,
            self._https,
            self._http,
            self._push,
            self._ssh,
            self._ssh,
        ]

    def abort(self, number: int) -> None:
        with suppress(OSError):
            self._ways[number % len(self._ways)](number)

    def _connect(self, transport: str) -> socket.socket:
        host, _, port = self._site.daemon.urls[transport].rpartition("/")[2].rpartition("@")[2].rpartition(":")
        return socket.create_connection((host, int(port)), timeout=20)

    def _end(self, connection: socket.socket, number: int) -> None:
        if number % 3:  # RST, at once; otherwise FIN
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    def _git(self, number: int) -> None:
        connection = self._connect("git")
        request = f"git-upload-pack /{self._path}\0host=x\0".encode()
        connection.sendall(b"%04x%b" % (len(request) + 4, request))
        connection.recv(number % 200 or 1)
        self._end(connection, number)

    def _http(self, number: int, connection: socket.socket | None = None) -> None:
        connection = connection or self._connect("http")
        connection.sendall(f"GET /{self._path}/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        if number % 2:
            connection.recv(1)
        self._end(connection, number)

    def _https(self, number: int) -> None:
        self._http(number, self._tls.wrap_socket(self._connect("https"), server_hostname="localhost"))

    def _push(self, number: int) -> None:
        """Commands that are allowed, and the beginning of a pack."""
        command = f"{'0' * 40} {'1' * 40} refs/heads/x{number}\0report-status".encode()
        body = b"%04x%b0000PACK\0\0\0\2\0\0\0\7" % (len(command) + 4, command)
        connection = self._connect("http")
        head = (
            f"POST /{self._path}/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
            "Content-Type: application/x-git-receive-pack-request\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
        time.sleep(0.02 * (number % 3))
        self._end(connection, number)

    def _ssh(self, number: int) -> None:
        connection = self._connect("ssh")
        connection.recv(255)
        connection.sendall(b"SSH-2.0-x\r\n\0\0\1"[: number % 20])
        self._end(connection, number)


def _kill_clients(site, path: str, count: int) -> None:
    for _ in range(count):
        cloning = site.client().popen("clone", "-q", site.url("ssh", path))
        time.sleep(0.15)
        os.killpg(cloning.pid, signal.SIGKILL)
        cloning.wait()


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_f6_a_thousand_aborted_sessions_leave_nothing(another_site):
    site = another_site()
    directory = site.filled("open/app")
    pid = site.daemon.process.pid
    aborter = Aborter(site, "open/app.git")
    for number in range(20):
        aborter.abort(number)
    _kill_clients(site, "open/app", 1)
    wait_until(lambda: not site.daemon.children())
    before = _descriptors(pid), site.daemon.threads()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(aborter.abort, range(1000)))
    _kill_clients(site, "open/app", 5)

    wait_until(lambda: not site.daemon.children(), "git still runs")
    wait_until(lambda: _descriptors(pid) <= before[0], "descriptors are left open")
    wait_until(lambda: _zombies(pid) == [], "processes are not waited for")
    assert site.daemon.threads() <= before[1] + 24  # eight for each plugin, which are kept
    left = [
        path for path in directory.rglob("*") if path.name.startswith(("tmp_", "incoming")) or path.suffix == ".lock"
    ]
    assert left == []
    site.client().git("clone", "-q", site.url("git", "open/app"))
    assert "Traceback" not in site.daemon.log()


def test_f6_as_process_1_of_a_container_it_reaps_what_hooks_leave_behind(another_site, doors, plugins):
    """Nobody else does it there: each hook that starts something in the background would leave a zombie."""
    under = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    if subprocess.run([*under, "true"], capture_output=True).returncode != 0:
        pytest.skip("may not make a namespace of process ids (unshare --pid)")
    site = another_site(doors + plugins, under=under)
    (server,) = Path(f"/proc/{site.daemon.process.pid}/task/{site.daemon.process.pid}/children").read_text().split()
    directory = site.repository("open/app")
    hook = directory / "hooks" / "post-receive"
    hook.write_text("#!/bin/sh\nfor n in 1 2 3; do (setsid sleep 0.2 >/dev/null 2>&1 </dev/null &) ; done\n")
    hook.chmod(0o755)
    client = site.client()
    work = client.work_tree(site.url("git", "open/app"))
    client.git("push", "-q", "origin", "main", cwd=work)
    aborter = Aborter(site, "open/app.git")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(aborter.abort, (number for number in range(100) if number % 10 != 5)))  # there is no https

    wait_until(lambda: len(Path(f"/proc/{server}/task/{server}/children").read_text().split()) == 0)
    os.kill(int(server), signal.SIGTERM)
    assert site.daemon.process.wait(40) == 0
