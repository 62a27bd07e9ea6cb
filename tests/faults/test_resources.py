"""Full disks, logs that nobody reads, no more descriptors, a wall clock that jumps, floods of nonsense."""

import base64
import fcntl
import os
import re
import resource
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from quarantine import wait_until_quarantine_is_gone
from waiting import wait_until

from gitgate.wire.pktline import encode

TRANSPORTS = ("ssh", "http", "git")

#: Over git://, of a client that speaks protocol 0: git advertises what it has, and waits.
REQUEST = encode(b"git-upload-pack /open/app\0host=x\0")

#: With it, `time.time()` is what the file says ahead of the truth: for the server a step of the system's clock.
CLOCK = """
import sys, time
if "serve" in sys.argv or "serve" in sys.orig_argv:
    _true = time.time
    def _stepped():
        try:
            with open("clock") as file:
                return _true() + float(file.read() or 0)
        except OSError:
            return _true()
    time.time = _stepped
"""


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True).returncode:
        pytest.skip("may not mount a file system (tmpfs)")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_f8_a_full_disk_is_told_in_gits_words_and_leaves_nothing(another_site, doors, plugins, small_disk):
    site = another_site(doors + plugins.replace("root: repositories", f"root: {small_disk}"))
    for transport in TRANSPORTS:
        directory = small_disk / "open" / transport
        subprocess.run(["git", "init", "-q", "-b", "main", "--bare", "--template=", directory], check=True)
        client = site.client().configured(core_compression="1")
        work = client.work_tree(site.url(transport, f"open/{transport}"), large=os.urandom(2_500_000).hex())
        said = client.git("push", "origin", "main", cwd=work, fails=True)
        assert "No space left on device" in said
        assert str(small_disk) not in said
        wait_until_quarantine_is_gone(directory)
        assert not [path for path in directory.rglob("*") if path.name.startswith(("tmp_", "incoming"))]
        assert not list(directory.rglob("*.lock"))
        client.git("fsck", "--no-progress", cwd=directory)
        small = client.work_tree(site.url(transport, f"open/{transport}"))
        client.git("push", "-q", "origin", "main", cwd=small)


def test_f9_without_a_place_for_temporary_files_clones_and_pushes_go_on(another_site, doors, plugins, unique):
    site = another_site(doors + plugins, environment={"TMPDIR": "/nonexistent"})
    for transport in TRANSPORTS:
        site.repository(f"open/{transport}")
        client = site.client()
        work = client.work_tree(site.url(transport, f"open/{transport}"))
        client.git("push", "-q", "origin", "main", cwd=work)
        client.git("clone", "-q", site.url(transport, f"open/{transport}"), client.home / "copy")


def test_f10_without_descriptors_new_clients_wait_and_nothing_else_happens(another_site, doors, plugins):
    site = another_site(doors + plugins, under=("prlimit", "--nofile=80:80"))
    site.filled("open/app")
    pid = site.daemon.process.pid
    assert "files may be open (RLIMIT_NOFILE)" in site.daemon.log()
    before = len(os.listdir(f"/proc/{pid}/fd"))
    host, port = site.daemon.urls["git"].partition("://")[2].split(":")
    served = socket.create_connection((host, int(port)))
    served.sendall(REQUEST)
    assert served.recv(4)

    crowd = [socket.create_connection((host, int(port))) for _ in range(100)]
    wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) >= 78)
    served.sendall(b"0000")
    assert b"refs/heads/main" in served.makefile("rb").read()
    for connection in crowd:
        connection.close()

    wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before)
    for transport in TRANSPORTS:
        site.client().git("ls-remote", site.url(transport, "open/app"))


def test_f10_without_descriptors_for_git_the_client_is_told_to_try_again(another_site, doors, plugins):
    site = another_site(doors + plugins, under=("prlimit", "--nofile=80:80"))
    site.filled("open/app")
    pid = site.daemon.process.pid
    before = len(os.listdir(f"/proc/{pid}/fd"))
    host, port = site.daemon.urls["git"].partition("://")[2].split(":")
    client = socket.create_connection((host, int(port)))
    wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) == before + 1)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (before + 3, 80))
    client.sendall(REQUEST)
    assert b"temporarily unavailable" in client.makefile("rb").read()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (80, 80))
    wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) == before)
    site.client().git("ls-remote", site.url("git", "open/app"))


@pytest.mark.parametrize(("chosen", "kept"), [("--other", os.SCHED_BATCH), ("--idle", os.SCHED_IDLE)])
def test_the_server_and_its_gits_are_scheduled_as_a_batch_unless_the_operator_has_chosen(
    another_site, doors, plugins, chosen, kept
):
    site = another_site(doors + plugins, under=("chrt", chosen, "0"))
    site.filled("open/app")
    host, port = site.daemon.urls["git"].partition("://")[2].split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(REQUEST)
        assert client.recv(4)
        children = Path(f"/proc/{site.daemon.process.pid}/task/{site.daemon.process.pid}/children").read_text().split()
        assert children
        assert {os.sched_getscheduler(int(pid)) for pid in (site.daemon.process.pid, *children)} == {kept}


def _said(site, transport: str) -> str:
    return str(site.client().git("ls-remote", site.url(transport, "open/app")))


def test_f17_a_clock_that_is_set_a_day_ahead_or_back_ends_nothing(another_site, doors, plugins, tmp_path):
    """NTP, or a virtual machine that was asleep. Twisted's timers would all be due at once, or none for a day."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "sitecustomize.py").write_text(CLOCK)
    environment = {"PYTHONPATH": f"{code}:{os.environ.get('PYTHONPATH', '')}"}
    most = ", ".join(f"max_operations_per_{what}: 100" for what in ("repository", "identity", "source"))
    site = another_site(doors + plugins + f"limits: {{login_deadline: 3s, {most}}}\n", environment=environment)
    site.filled("open/app")
    host, port = site.daemon.urls["git"].partition("://")[2].split(":")
    sessions = []
    for _ in range(50):
        session = socket.create_connection((host, int(port)), timeout=20)
        session.sendall(REQUEST)
        assert session.recv(4)
        sessions.append(session)
    for step in (86400, -86400):
        (site.folder / "clock").write_text(str(step))
        for transport in TRANSPORTS:
            assert "refs/heads/main" in _said(site, transport)
        silent = socket.create_connection((host, int(port)), timeout=20)
        with suppress(ConnectionResetError):
            assert silent.recv(1) == b""  # its three seconds are over, and no day has passed
    days = set(re.findall(r"^(\d{4}-\d\d-\d\d)T.* audit: ", site.daemon.log(), re.MULTILINE))
    assert len(days) >= 2  # what is a date is told by the clock: it was stepped
    for session in sessions:
        session.sendall(b"0000")
        assert b"refs/heads/main" in session.makefile("rb").read()


def test_f22_a_log_whose_reader_stands_still_holds_up_nobody(tmp_path, site, doors, unique):
    """`gitgate 2>&1 | less`, and nobody scrolls on. A pipe takes 64 KiB, and then a write waits."""
    site.filled(f"open/{unique}")
    configuration = tmp_path / "gitgate.yaml"
    rules = "  - {use: rules, rules: [{repos: ['**'], who: [everyone], allow: [read]}]}\n"
    listen = "version: 1\nlisten: [{url: 'git://127.0.0.1:0'}]\n"
    configuration.write_text(f"{listen}plugins:\n{rules}  - {{use: tree, root: {site.root}}}\n")
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-m", "gitgate", "serve", "-c", configuration]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writing, text=True)
    os.close(writing)
    try:
        assert server.stdout is not None
        url = next(found[0] for line in server.stdout if (found := re.search(r"git://[^/\s]+", line)))
        for _ in range(40):
            site.client().git("ls-remote", f"{url}/open/{unique}")
        assert os.read(reading, 100_000)
        site.client().git("ls-remote", f"{url}/open/{unique}")
        assert re.search(rb"lines that were lost: [1-9]", os.read(reading, 100_000))
    finally:
        server.terminate()
        assert server.wait(20) == 0
        server.stdout.close()
        os.close(reading)


def test_f23_a_flood_of_nonsense_is_a_few_lines_in_the_log(another_site, doors, plugins):
    """A thousand clients that speak nothing known. Each would be a traceback, and the disk of the log would be full."""
    site = another_site(doors + plugins + "limits: {per_source_exempt: []}\n")
    for number in range(1000):
        door = site.daemon.urls[TRANSPORTS[number % 3]]
        host, _, port = door.rpartition("/")[2].rpartition("@")[2].rpartition(":")
        with socket.create_connection((host, int(port))) as connection, suppress(OSError):
            connection.sendall(b"\x1b[31m\r\n\0zzzz%(message)s\r\n\r\n")
            connection.recv(100)
    log = site.daemon.log()
    assert "turned away" in log
    assert len(log.splitlines()) < 50
    assert "\x1b" not in log
    assert "Traceback" not in log


def test_f29_what_is_shut_or_gone_meanwhile_ends_no_session(site, unique):
    """Host keys and certificates are read at the start; those who were let in keep what they have."""
    site.filled(f"open/{unique}")
    key, certificate = site.folder / "ssh_host_ed25519_key", site.folder / "tls.key"
    for path in (key, certificate):
        path.rename(f"{path}.away")
    try:
        for transport in ("ssh", "https"):
            site.client().git("ls-remote", site.url(transport, f"open/{unique}"))
    finally:
        for path in (key, certificate):
            Path(f"{path}.away").rename(path)


def test_penalties_are_for_addresses_and_a_restart_forgets_them(another_site, doors, plugins):
    """Whoever guesses a user's password shuts out the own address. Elsewhere, the user logs in."""
    limits = "limits: {per_source_exempt: [], per_source_net_block_size: '32:128'}\n"
    site = another_site(doors + plugins + limits)
    site.filled("open/app")
    port = int(site.daemon.urls["http"].rpartition(":")[2])

    def log_in(password: str, source: str) -> bytes:
        with socket.create_connection(("127.0.0.1", port), source_address=(source, 0), timeout=20) as connection:
            credentials = base64.b64encode(f"alice:{password}".encode()).decode()
            target = "/open/app/info/refs?service=git-upload-pack"
            head = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\r\n"
            with suppress(ConnectionError):
                connection.sendall(head.encode())
                return connection.recv(12)
        return b""

    turned_away = (b"", b"HTTP/1.1 429")
    guesses = [log_in("wrong", "127.0.0.2") for _ in range(10)]
    assert guesses[0] == b"HTTP/1.1 401"
    assert guesses[-1] in turned_away
    assert log_in("wonderland", "127.0.0.2") in turned_away
    assert log_in("wonderland", "127.0.0.3") == b"HTTP/1.1 200"
    assert site.daemon.close() == 0
    files = [path for path in site.folder.rglob("*") if path.is_file()]
    left = [path.name for path in files if b"127.0.0.2" in path.read_bytes()]
    assert set(left) <= {"gitgate.log"}  # nothing that a next start would read
