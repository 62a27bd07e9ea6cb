"""One gitgate with four doors for all journeys of a test process, and git clients that reach it.

Where a journey leaves traces it makes a repository of its own, so that journeys do not see each other. What stands
where, and who may do what, is in RULES.
"""

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
import twins
from waiting import wait_until

PASSWORDS = {"alice": "wonderland", "bob": "builder"}

RULES = """
    rules:
      - {repos: ["open/**"], who: [everyone], allow: [read, write, force, delete]}
      - {repos: ["public/**"], who: [everyone], allow: [read]}
      - {repos: ["secret/**"], who: ["group:admins"], allow: [read, write]}
      - {repos: ["team/**"], who: ["group:devs"], allow: [read, write, force, delete]}
      - {repos: ["team/**"], who: [authenticated], allow: [read]}
      - repos: ["team/**"]
        who: [authenticated]
        deny: [write]
        name: devs-push
        message: Pushing is for developers.
"""

CONFIGURATION = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
  - {url: "http://127.0.0.1:0"}
  - {url: "https://127.0.0.1:0", tls: {certificate: tls.crt, key: tls.key}}
  - {url: "git://127.0.0.1:0"}
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - {use: authorized-keys, directory: keys.d, shared_user: git}
  - use: rules
RULES
  - {use: tree, root: repositories}
log: {level: debug}
git: {config: {receive.certNonceSeed: "a seed for the tests", core.fsync: none}}
"""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture is set up."""
    marker = item.get_closest_marker("no_twins")
    twins.forbid(marker and str(marker.args[0]))


class Daemon:
    """`gitgate serve`, until it is closed. `urls` has the start of every URL, by transport."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        under: tuple[str, ...] = (),
    ) -> None:
        self._folder = folder
        self._temporary = folder / "temporary"
        self._temporary.mkdir(exist_ok=True)
        self.log_file = folder / "gitgate.log"
        self._log = self.log_file.open("wb")
        self.process = subprocess.Popen(
            [*under, sys.executable, "-m", "gitgate", "serve", *arguments],
            cwd=folder,
            env={
                **os.environ,
                "HOME": str(folder),
                "XDG_STATE_HOME": str(folder / "state"),
                "TMPDIR": str(self._temporary),
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.urls: dict[str, str] = {}
        self.said: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            door = re.match(r"\s+(ssh|http|https|git)\s.*?(\S+://[^/\s]+)", line)
            if door:
                self.urls[door[1]] = door[2]
            if line.startswith("ready"):
                break
        assert "ready" in self.said[-1:], f"gitgate did not start: {self.said} {self.log()}"

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait_for_log(self, text: str, times: int = 1) -> None:
        """Returns when the log has it so often: a client may have its answer before the line is written."""
        wait_until(lambda: self.log().count(text) >= times, f"the log does not have {text!r}")

    def threads(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"^Threads:\s+(\d+)$", status, re.MULTILINE)[0])

    def memory_kib(self, what: str = "VmRSS") -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{what}:\s+(\d+)", status)[1])  # type: ignore[index]

    def children(self, repository: str = "") -> list[str]:
        """The command lines of git and of all that it has started, also of what has lost its parent.

        All of them have the request's id and the repository's path, which is below our folder, in their environment.
        """
        marks = (b"\0GITGATE_REQUEST_ID=", os.fsencode(self._folder), os.fsencode(repository))
        found = []
        for entry in Path("/proc").iterdir():
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if all(mark in environment for mark in marks):
                found.append(command)
        return found

    def close(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=40)
            assert code != 0 or not os.listdir(self._temporary), "temporary files are left behind"
            return code
        finally:
            self.process.kill()
            self._log.close()


@dataclass(frozen=True)
class GitClient:
    """git on somebody's machine. `home` holds all of its configuration."""

    home: Path
    environment: Mapping[str, str]

    def git(self, *arguments: str | Path, cwd: Path | None = None, fails: bool = False, **options: str) -> str:
        """Runs git and returns what it printed on both streams. It must succeed, or fail where that is expected."""
        ran = self.run(*arguments, cwd=cwd, **options)
        printed = ran.stdout + ran.stderr
        assert (ran.returncode != 0) is fails, f"git {arguments} ended with {ran.returncode}:\n{printed}"
        return printed

    def run(
        self, *arguments: str | Path, cwd: Path | None = None, seconds: float = 120, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Runs git and returns what it ended with; with a twin where tests/shared/twins.py says so."""
        return twins.run(
            twins.Command(tuple(map(str, arguments)), cwd or self.home, {**self.environment, **environment}, seconds)
        )

    def popen(self, *arguments: str | Path, cwd: Path | None = None) -> "subprocess.Popen[bytes]":
        """git in the background, in a process group of its own."""
        return subprocess.Popen(
            ["git", *map(str, arguments)],
            cwd=cwd or self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    def configured(self, **settings: str) -> "GitClient":
        """The same, with more configuration: `protocol_version="0"` for protocol.version."""
        environment = dict(self.environment)
        count = int(environment["GIT_CONFIG_COUNT"])
        for key, value in settings.items():
            environment[f"GIT_CONFIG_KEY_{count}"] = key.replace("_", ".")
            environment[f"GIT_CONFIG_VALUE_{count}"] = value
            count += 1
        environment["GIT_CONFIG_COUNT"] = str(count)
        return GitClient(self.home, environment)

    def work_tree(self, url: str, **files: str) -> Path:
        """A clone of an empty repository with one commit, not yet pushed."""
        folder = Path(tempfile.mkdtemp(dir=self.home)) / "work"
        self.git("clone", "-q", url, folder)
        self.commit(folder, **(files or {"README": "hello\n"}))
        return folder

    def commit(self, folder: Path, **files: str) -> str:
        for name, text in files.items():
            (folder / name).write_text(text)
        self.git("add", "-A", cwd=folder)
        self.git("commit", "-q", "-m", f"change {', '.join(files)}", cwd=folder)
        return self.git("rev-parse", "HEAD", cwd=folder).strip()


@dataclass(frozen=True)
class Site:
    """A running gitgate with its folder, and the way to its doors."""

    folder: Path
    daemon: Daemon
    keys: Path = field(repr=False)

    @property
    def root(self) -> Path:
        return self.folder / "repositories"

    def url(self, transport: str, path: str, *, user: str | None = "alice") -> str:
        """The URL of a repository, as `user` would write it. git:// knows no users."""
        scheme, _, place = self.daemon.urls[transport].partition("://")
        if transport == "ssh":
            return f"ssh://{user or 'nobody'}@{place.rpartition('@')[2]}/{path}"
        if transport in ("http", "https") and user:
            return f"{scheme}://{user}:{PASSWORDS.get(user, 'none')}@{place}/{path}"
        return f"{scheme}://{place}/{path}"

    def client(self, user: str = "alice") -> GitClient:
        home = Path(tempfile.mkdtemp(dir=self.folder / "homes"))
        ssh = (
            f"ssh -F /dev/null -i {self.keys / user} -o IdentitiesOnly=yes -o BatchMode=yes"
            f" -o UserKnownHostsFile={self.folder}/known_hosts -o StrictHostKeyChecking=yes -o LogLevel=ERROR"
        )
        return GitClient(
            home,
            {
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "LC_ALL": "C.UTF-8",
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_COUNT": "7",
                "GIT_CONFIG_KEY_0": "user.name",
                "GIT_CONFIG_VALUE_0": user,
                "GIT_CONFIG_KEY_1": "user.email",
                "GIT_CONFIG_VALUE_1": f"{user}@example.org",
                "GIT_CONFIG_KEY_2": "http.sslCAInfo",
                "GIT_CONFIG_VALUE_2": str(self.folder / "tls.crt"),
                "GIT_CONFIG_KEY_3": "init.defaultBranch",
                "GIT_CONFIG_VALUE_3": "main",
                "GIT_CONFIG_KEY_4": "commit.gpgSign",
                "GIT_CONFIG_VALUE_4": "false",
                # Nothing that a test has made need outlive the machine, nor be small.
                "GIT_CONFIG_KEY_5": "core.fsync",
                "GIT_CONFIG_VALUE_5": "none",
                "GIT_CONFIG_KEY_6": "core.compression",
                "GIT_CONFIG_VALUE_6": "0",
                "GIT_SSH_COMMAND": ssh,
                "GIT_TERMINAL_PROMPT": "0",
            },
        )

    def repository(self, path: str, *, options: tuple[str, ...] = (), bare: bool = True) -> Path:
        """A new empty repository, with a name of its own below `path`; `path` itself where that is free."""
        folder = self.root / path
        command = ["git", "init", "-q", "-b", "main", *options, *(["--bare"] if bare else []), str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        return folder

    def filled(self, path: str, commits: int = 3) -> Path:
        """A new repository with some history on `main`, and a tag."""
        folder = self.repository(path)
        client = self.client()
        work = client.work_tree(str(folder))
        for number in range(commits - 1):
            client.commit(work, README=f"{number}\n", **{f"file{number}": "x" * 1000})
        client.git("tag", "-a", "-m", "first", "v1", cwd=work)
        client.git("push", "-q", "--follow-tags", "origin", "main", cwd=work)
        return folder


def write_site(folder: Path, configuration: str = CONFIGURATION, rules: str = RULES) -> Path:
    """All that a configuration names, in `folder`; the path of the configuration."""
    for name in ("repositories", "keys.d", "homes", "private"):
        (folder / name).mkdir(parents=True)
    # {SHA} is no scheme to use, but quick: a journey is not about hashing.
    hashed = {user: base64.b64encode(sha1(password.encode()).digest()).decode() for user, password in PASSWORDS.items()}
    (folder / "users.htpasswd").write_text("".join(f"{user}:{{SHA}}{text}\n" for user, text in hashed.items()))
    for user in PASSWORDS:
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "private" / user)
        shutil.copy(folder / "private" / f"{user}.pub", folder / "keys.d")
    (folder / "users.groups").write_text("devs: alice\n")
    _run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        *("-keyout", folder / "tls.key", "-out", folder / "tls.crt"),
    )
    path = folder / "gitgate.yaml"
    if not re.search("^git:", configuration, re.MULTILINE):
        configuration += "\ngit: {config: {core.fsync: none}}\n"  # waiting for the disk is most of what git does
    path.write_text(configuration.replace("RULES", rules.strip("\n")))
    return path


def start_site(
    folder: Path,
    configuration: str = CONFIGURATION,
    rules: str = RULES,
    *,
    environment: Mapping[str, str] | None = None,
    under: tuple[str, ...] = (),
) -> Site:
    """`under` is a command that runs the server, such as `prlimit`."""
    path = write_site(folder, configuration, rules)
    daemon = Daemon("-c", str(path), folder=folder, environment=environment, under=under)
    site = Site(folder, daemon, folder / "private")
    if "ssh" in site.daemon.urls:
        host, _, port = site.daemon.urls["ssh"].rpartition("/")[2].rpartition("@")[2].rpartition(":")
        key = (folder / "ssh_host_ed25519_key.pub").read_text().split()[:2]
        (folder / "known_hosts").write_text(f"[{host.strip('[]')}]:{port} {' '.join(key)}\n")
    return site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site that most journeys share."""
    running = start_site(tmp_path_factory.mktemp("site"))
    yield running
    code = running.daemon.close()
    assert code == 0
    assert "Traceback" not in running.daemon.log()


@pytest.fixture
def another_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Starts a site of one's own: with another configuration, or to be measured or killed."""
    running: list[Site] = []

    def start(configuration: str = CONFIGURATION, rules: str = RULES, **how: Any) -> Site:
        running.append(start_site(tmp_path / f"site{len(running)}", configuration, rules, **how))
        return running[-1]

    yield start
    for each in running:
        each.daemon.close()


@pytest.fixture(scope="session")
def starting() -> Callable[..., Site]:
    """Starts a site in a folder, for fixtures with a site of their own."""
    return start_site


@pytest.fixture(scope="session")
def long_line(site: Site) -> Iterator[Callable[[str], int]]:
    """The port by which a door of the site is reached over a line of 200 ms that loses each hundredth packet."""
    relays: dict[str, tuple[subprocess.Popen[str], int]] = {}

    def port(transport: str) -> int:
        if transport not in relays:
            target = site.daemon.urls[transport].rpartition(":")[2]
            command = [sys.executable, str(Path(__file__).with_name("relay.py")), target, "0.2", "0.01"]
            relay = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert relay.stdout is not None
            relays[transport] = relay, int(relay.stdout.readline())
        return relays[transport][1]

    yield port
    for relay, _ in relays.values():
        relay.kill()
        relay.wait()
        assert relay.stdout is not None
        relay.stdout.close()


@pytest.fixture(params=["ssh", "http", "https", "git"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["0", "1", "2"], ids=["v0", "v1", "v2"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """A name for this test's own repository."""
    return re.sub(r"\W+", "-", request.node.name) + f"-{time.monotonic_ns()}"


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def basic(user: str) -> str:
    """The Authorization header of a user."""
    return "Basic " + base64.b64encode(f"{user}:{PASSWORDS[user]}".encode()).decode()
