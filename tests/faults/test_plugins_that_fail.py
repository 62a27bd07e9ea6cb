"""Plugins that raise, answer nonsense, never answer, hold everything up, or hang in the file system."""

import base64
import http.client
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import bcrypt
import pytest
from waiting import wait_until

FAULTY = """
import shutil, time
from twisted.internet.defer import Deferred
from gitgate.plugin import Allow, hookimpl

class Plugin:
    @hookimpl
    async def authorize(self, identity, request, repository):
        kind = repository.name.split("/")[1].split("-")[0]
        if kind == "raises":
            raise RuntimeError("planned")
        if kind == "garbage":
            return "yes"
        if kind == "true":
            return True
        if kind == "never":
            await Deferred()
        if kind == "blocks":
            time.sleep(1.5)
        if kind == "vanishes":
            shutil.rmtree(repository.directory, ignore_errors=True)  # it may be asked about again
        if kind == "moves":
            repository.directory.rename(f"{repository.directory}.git")
        return None
"""

#: Its calls hang in open(2), as they do in a file system whose server is gone, until somebody opens the other end.
FROZEN = """
from pathlib import Path
from gitgate.plugin import Password, hookimpl

class Plugin:
    accepts = (Password,)

    @hookimpl
    def authenticate(self, credentials, peer):
        if credentials.username == "stuck":
            Path("frozen").read_bytes()

    @hookimpl
    def resolve_path(self, identity, request):
        if request.path.startswith("/open/frozen"):
            Path("frozen").read_bytes()
"""

PLUGINS = """
plugins:
  - {use: frozen, name: logins, deadline: 2s, hooks: [authenticate]}
  - {use: frozen, name: paths, deadline: 2s, hooks: [resolve_path]}
  - {use: htpasswd, file: users.htpasswd}
  - {use: authorized-keys, directory: keys.d}
  - {use: faulty, deadline: 1s}
  - use: rules
RULES
  - {use: tree, root: repositories}
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, starting, install, doors):
    folder = tmp_path_factory.mktemp("faulty")
    install(folder / "installed", "faulty", FAULTY)
    environment = install(folder / "installed", "frozen", FROZEN)
    running = starting(folder / "site", doors + PLUGINS, environment=environment)
    os.mkfifo(running.folder / "frozen")
    yield running
    _thaw(running)
    assert running.daemon.close() == 0


def _thaw(site) -> None:
    """Whoever reads finds the end; a new fifo is there for the next one."""
    os.mkfifo(site.folder / "frozen.new")
    descriptor = os.open(site.folder / "frozen", os.O_RDWR)
    (site.folder / "frozen.new").rename(site.folder / "frozen")
    os.close(descriptor)


def _refused(site, transport: str, path: str) -> str:
    return site.client().git("ls-remote", site.url(transport, path), fails=True)


TRANSPORTS = pytest.mark.parametrize("transport", ["ssh", "http", "git"])


@TRANSPORTS
def test_f12_a_plugin_that_raises_fails_that_request_and_allows_nothing(faulty, transport, unique):
    """`rules`, below it, would allow."""
    faulty.filled(f"open/raises-{unique}")
    faulty.filled(f"open/fine-{unique}")
    for _ in range(2):
        assert "temporarily unavailable" in _refused(faulty, transport, f"open/raises-{unique}")
    faulty.client().git("ls-remote", faulty.url(transport, f"open/fine-{unique}"))
    assert faulty.daemon.log().count("RuntimeError: planned\n    Traceback") <= 1
    assert faulty.daemon.log().count('raise RuntimeError("planned")') == 1  # all the others are one line


@TRANSPORTS
@pytest.mark.parametrize("kind", ["garbage", "true", "never"])
def test_f13_what_is_no_answer_allows_nothing(faulty, transport, kind, unique):
    faulty.filled(f"open/{kind}-{unique}")
    assert "temporarily unavailable" in _refused(faulty, transport, f"open/{kind}-{unique}")


def test_f14_what_holds_up_the_reactor_is_told_with_its_place(faulty, unique):
    faulty.filled(f"open/blocks-{unique}")

    def told() -> list[str]:
        """On a busy machine something else may have been late before, and what is told next is told in a minute."""
        faulty.client().git("ls-remote", faulty.url("git", f"open/blocks-{unique}"))
        lines = [line for line in faulty.daemon.log().splitlines() if "nobody has been served for" in line]
        return [line for line in lines if "authorize (" in line and "faulty.py:" in line]

    wait_until(told, seconds=90)


@TRANSPORTS
def test_f26_a_repository_that_goes_away_before_git_is_not_found(faulty, transport, unique):
    faulty.filled(f"open/vanishes-{unique}")
    said = _refused(faulty, transport, f"open/vanishes-{unique}")
    assert "not found" in said or "authentication required" in said
    assert str(faulty.root) not in said
    assert "Traceback" not in said


@TRANSPORTS
def test_f26_no_other_repository_is_pushed_to_in_its_place(faulty, transport, unique):
    """The repository is renamed to `NAME.git.git` after it was authorized; receive-pack would look there."""
    directory = faulty.repository(f"open/moves-{unique}.git")
    work = faulty.client().work_tree(str(directory))
    faulty.client().git("push", faulty.url(transport, f"open/moves-{unique}"), "main", cwd=work, fails=True)
    assert not any((Path(f"{directory}.git") / "refs/heads").iterdir())


def _basic(site, user: str, password: str, path: str, source: str = "127.0.0.1") -> int:
    host, port = site.daemon.urls["http"].partition("://")[2].split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30, source_address=(source, 0))
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    target = f"/{path}/info/refs?service=git-upload-pack"
    connection.request("GET", target, headers={"Authorization": f"Basic {credentials}"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_f25_a_file_system_that_hangs_holds_up_only_what_is_in_it(faulty, unique):
    path = f"open/fine-{unique}"
    faulty.filled(path)
    with ThreadPoolExecutor(5) as pool:
        frozen = [pool.submit(_refused, faulty, "git", f"open/frozen{n}") for n in range(5)]
        for transport in ("ssh", "http", "git"):
            faulty.client().git("ls-remote", faulty.url(transport, path))
        assert all("temporarily unavailable" in said.result() for said in frozen)
    _thaw(faulty)
    faulty.client().git("ls-remote", faulty.url("git", path))


def test_f20_logins_that_hang_are_unavailable_and_everybody_else_is_served(faulty, unique):
    """A directory that answers nobody: eight threads hang, 64 wait, the rest is told at once."""
    path = f"open/fine-{unique}"
    faulty.filled(path)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(_basic(faulty, "stuck", "x", path))) for _ in range(80)]
    for thread in threads:
        thread.start()
    faulty.client().git("ls-remote", faulty.url("ssh", path))
    faulty.client().git("ls-remote", faulty.url("git", path))
    for thread in threads:
        thread.join()
    assert set(answers) == {503}
    assert len(answers) == 80
    _thaw(faulty)


def test_f21_a_flood_of_logins_does_not_keep_others_from_being_served(another_site, doors, plugins, unique):
    """bcrypt takes a processor for some time, by design; and a hundred guesses take all places where one can wait."""
    site = another_site(doors + plugins + "limits: {per_source_exempt: [], per_source_penalties: {authfail: 0s}}\n")
    site.filled(f"open/{unique}")
    with (site.folder / "users.htpasswd").open("a") as users:
        for name in ("carol", "dave"):
            users.write(f"{name}:{bcrypt.hashpw(b'right', bcrypt.gensalt(10)).decode()}\n")
    wait_until(lambda: _basic(site, "carol", "right", f"open/{unique}") == 200)
    with ThreadPoolExecutor(90) as pool:
        guessing = partial(_basic, site, "carol", path=f"open/{unique}", source="127.0.0.2")
        guesses = [pool.submit(guessing, password=f"wrong{n}") for n in range(90)]
        site.client().git("ls-remote", site.url("git", f"open/{unique}"))
        site.client().git("ls-remote", site.url("ssh", f"open/{unique}"))
        assert _basic(site, "dave", "right", f"open/{unique}") == 200
        assert not all(guess.done() for guess in guesses)
        assert {guess.result() for guess in guesses} <= {401, 503}
    assert site.daemon.threads() < 60
