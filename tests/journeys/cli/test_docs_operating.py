"""docs/operating.md is true of a server that runs: its commands, and its tables of what people, hooks and logs see."""

import base64
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

GUIDE = (Path(__file__).parents[3] / "docs" / "operating.md").read_text()

CONFIGURATION = """\
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
  - {url: "http://127.0.0.1:0"}
  - {url: "git://127.0.0.1:0"}
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - {use: authorized-keys, file: users.keys}
  - use: rules
    rules:
      - {repos: [archive], who: [everyone], deny: [write], message: This repository is closed.}
      - {repos: [public], who: [everyone], allow: [read]}
      - {repos: ["*"], who: [authenticated], allow: [read]}
      - {repos: [open], who: ["group:devs"], allow: [write]}
  - {use: tree, root: repositories}
"""

Start = Callable[..., Any]


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def _rows(heading: str) -> list[list[str]]:
    """The cells of the first table that begins with this line."""
    table = GUIDE.partition(f"\n{heading}\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]
    assert rows, heading
    return rows


def _sh(script: str, folder: Path, environ: dict[str, str], given: str = "") -> "subprocess.CompletedProcess[str]":
    """What a script prints, on either stream. It has no terminal."""
    return subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env=environ,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=60,
        start_new_session=True,
    )


def _make_site(folder: Path, more: str = "") -> None:
    """alice may read all repositories, everybody `public`, and she may push into `open`. Her key is `key`."""
    (folder / "gitgate.yaml").write_text(CONFIGURATION + more)
    hashed = base64.b64encode(sha1(b"wonderland").digest()).decode()  # quick, as this is not about hashing
    (folder / "users.htpasswd").write_text(f"alice:{{SHA}}{hashed}\n")
    (folder / "users.groups").write_text("devs: alice\nstaff: alice\n")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    (folder / "users.keys").write_text(f"alice: {(folder / 'key.pub').read_text()}")
    for name in ("open", "app", "archive", "public"):
        subprocess.run(["git", "init", "-q", "--bare", folder / "repositories" / f"{name}.git"], check=True)


def _ssh(folder: Path) -> str:
    return (
        f"ssh -F /dev/null -i {folder}/key -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR"
        f" -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={folder}/known_hosts"
    )


def test_the_commands_of_the_guide_run_one_after_the_other(
    environ: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    command = tmp_path / "bin" / "gitgate"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gitgate "$@"\n')
    command.chmod(0o755)
    script = "\n".join(_blocks("sh"))

    ran = _sh(script, folder, {**environ, "PATH": f"{command.parent}:{environ['PATH']}"}, given="secret\nsecret\n")

    assert ran.returncode == 0, ran.stdout
    assert "gitgate.yaml is fine" in ran.stdout
    assert (folder / "site/users.htpasswd").read_text().startswith("alice:$2y$12$")
    assert "deploy: ssh-ed25519 " in (folder / "site/users.keys").read_text()
    assert (folder / "site/repositories/team/app.git/HEAD").exists()


#: What the examples of "Looking closer" are about.
LOOKED_AT = re.sub(
    r"(?s)^listen:.*?(?=^plugins)",
    'listen: [{url: "ssh://0.0.0.0:2222", host_keys: [/etc/gitgate/ssh_host_ed25519_key]}]\n',
    CONFIGURATION,
    flags=re.MULTILINE,
)

EXAMPLES = [
    tuple(block.removeprefix("$ gitgate ").split("\n", 1))
    for block in _blocks("console")
    if block.startswith("$ gitgate ")
]


@pytest.mark.parametrize(("command", "printed"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_each_example_prints_what_the_guide_shows(
    gitgate: Callable[..., Any], folder: Path, tmp_path: Path, command: str, printed: str
) -> None:
    _make_site(folder)
    (folder / "gitgate.yaml").write_text(LOOKED_AT.replace("/etc/gitgate", str(tmp_path)))
    (folder / "key.pub").rename(folder / "alice.pub")
    subprocess.run(["git", "init", "-q", "--bare", folder / "repositories" / "old.git"], check=True)
    (folder / "repositories" / "old.git" / "HEAD").write_text("junk")

    ran = gitgate(*command.split(), given="wonderland\n")

    shown = (
        (ran.stdout + ran.stderr)
        .replace(str(folder / "repositories"), "/srv/git")
        .replace(str(tmp_path), "/etc/gitgate")
    )
    shown = re.sub(r"^git      .*$", "git      /usr/bin/git", shown, flags=re.MULTILINE)
    shown = re.sub(r"SHA256:[\w+/]+", "SHA256:FINGERPRINT", shown)
    # That it is asked as root, as the tests may be, and that hashes for tests are weak, is not in the guide.
    shown = re.sub(r".*(asked as root|guesses 1 of its hashes).*\n", "", shown)
    assert shown == printed
    assert ran.returncode == (69 if "plugins[" in printed else 1 if "REFUSED" in printed else 0)


def test_the_guide_has_its_examples() -> None:
    assert [command for command, _ in EXAMPLES] == [
        "check --online",
        "login-test alice",
        "login-test bob --key alice.pub",
    ]


@contextmanager
def _a_git_that_waits(url: str) -> Iterator[None]:
    """A client whose clone stands still, so that its git goes on."""
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as client:
        request = b"git-upload-pack /public\0host=x\0\0version=1\0"
        client.sendall(b"%04x%b" % (len(request) + 4, request))
        assert client.recv(4) == b"000e"
        yield


#: How somebody's URL begins, by transport. git:// knows no users.
LOGINS = {
    "right": {"ssh": "alice@", "http": "alice:wonderland@", "git": ""},
    "wrong": {"ssh": "mallory@", "http": "alice:looking-glass@"},
    "none": {"ssh": "mallory@", "http": "", "git": ""},
}


def test_people_see_what_the_guide_says(start: Start, environ: dict[str, str], folder: Path) -> None:
    _make_site(folder, "limits: {max_operations: 1, operation_wait: 3s}\n")
    server = start()
    places = {transport: url.partition("://")[2].rpartition("@")[2] for transport, url in server.urls.items()}
    ssh = _ssh(folder)
    host, _, port = places["ssh"].rpartition(":")

    def said(script: str) -> str:
        return _sh(f"{script} || true", folder, {**environ, "GIT_SSH_COMMAND": ssh}).stdout

    def everywhere(command: str, path: str, login: str = "right", run: Any = map) -> list[str]:
        urls = [f"{transport}://{name}{places[transport]}/{path}" for transport, name in LOGINS[login].items()]
        return list(run(said, [command.replace("URL", url) for url in urls]))

    read, push = "git ls-remote URL", "git push URL HEAD:refs/heads/x"
    said("git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x")
    seen = {
        "wrong password, unknown user or key": everywhere(read, "app", login="wrong"),
        "not logged in, and that is not enough": everywhere(push, "open", login="none"),
        "no such repository, or one that they may not know of": everywhere(read, "missing"),
        "may read, but not push": everywhere(push, "app"),
        "a rule with a `message` refuses": everywhere(push, "archive"),
        "another command than git's": [said(f"{ssh} -p {port} alice@{host} rm -rf /")],
        "no command at all": [said(f"{ssh} -p {port} alice@{host}")],
    }
    with _a_git_that_waits(server.urls["git"]), ThreadPoolExecutor() as threads:
        seen["too many gits"] = everywhere(read, "public", run=threads.map)
    (folder / "repositories").rename(folder / "away")
    seen["a plugin does not work"] = everywhere(read, "app")

    told = {
        row[0]: [re.findall("`([^`]+)`", cell) for cell in row[1:]] for row in _rows("| | ssh | http(s) | git:// |")
    }
    assert told.keys() == seen.keys()
    for what, cells in told.items():
        for words, printed in zip((cell for cell in cells if cell), seen[what], strict=True):
            assert words[0] in printed, what


def test_hooks_have_the_variables_that_the_guide_names(start: Start, environ: dict[str, str], folder: Path) -> None:
    _make_site(folder)
    hook = folder / "repositories/open.git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nenv -0 > {folder}/variables\n")
    hook.chmod(0o755)
    server = start()
    commit = "git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x"

    pushed = _sh(
        f"{commit} && git push {server.urls['http'].replace('//', '//alice:wonderland@')}/open HEAD:main",
        folder,
        environ,
    )

    assert pushed.returncode == 0, pushed.stdout
    variables = dict(line.split("=", 1) for line in (folder / "variables").read_text().split("\0") if "=" in line)
    named = [name for row in _rows("| variable | |") for name in re.findall("`([A-Z_]+)`", row[0])]
    ours = {name for name in variables if name.startswith(("GITGATE_", "REMOTE_", "GIT_COMMITTER_"))}
    assert sorted(named) == sorted(ours)
    assert (variables["HOME"], variables["LC_ALL"]) == ("/nonexistent", "C.UTF-8")
    assert variables["GITGATE_GROUPS"] == "devs\nstaff"
    server.process.terminate()
    assert server.end() == 0  # until then, the line of the push may not have been written
    assert variables["GITGATE_REQUEST_ID"] in server.log


@pytest.mark.parametrize("prefix", ["", "host gitgate[4711]: "], ids=["in a file", "in the journal"])
def test_fail2ban_finds_the_address_of_failed_logins_and_nobody_elses(
    prefix: str, start: Start, environ: dict[str, str], folder: Path
) -> None:
    """1. mallory asks for a repository, or logs in under a name, that reads like the log's line about somebody else's
    failed login. 2. fail2ban finds that address in the line, and bans it."""
    _make_site(folder)
    [expression] = re.findall(r"^failregex = (.*)$", GUIDE, re.MULTILINE)
    expression = re.sub("<HOST>", r"(?P<host>\\S+)", expression)
    server = start()
    http = server.urls["http"].partition("://")[2]
    forged = "audit:%20http%20192.0.2.1%20'bob'%20login:%20rejected%20("

    for login, path in (
        ("alice:looking-glass@", "open"),
        ("alice@", "open"),
        (f"{forged}:x@".replace(":%20", "%3A%20"), "open"),
        ("alice:wonderland@", f"Z%20info%20{forged}x"),
    ):
        _sh(f'git ls-remote "http://{login}{http}/{path}" || true', folder, environ)

    lines = [prefix + line for line in server.log.splitlines()]
    found = [match["host"] for line in lines if (match := re.search(expression, line))]
    assert set(found) == {"127.0.0.1"}
    assert len(found) == sum(
        "login: rejected (htpasswd: " in line or "(no plugin knows them)" in line for line in lines
    )
    assert "a password that no hash can have" not in server.log  # the empty one that git sends before it asks
    assert sum("192.0.2.1" in line for line in lines) >= 2


def test_probes_that_the_guide_names_do_not_count_against_their_source(
    start: Start, environ: dict[str, str], folder: Path
) -> None:
    _make_site(folder, "limits: {per_source_exempt: []}\n")
    server = start()
    status = "curl -s -o /dev/null -w '%{http_code} '"
    places = ("", "public/info/refs?service=git-upload-pack", "app/info/refs?service=git-upload-pack")
    probes = [
        *(f"{status} '{server.urls['http']}/{place}'" for place in places),
        f"git ls-remote {server.urls['git']}/public > /dev/null",
    ]

    told = _sh("for i in $(seq 20); do " + "; ".join(probes) + "; done", folder, environ)

    assert (told.returncode, told.stdout) == (0, "404 200 401 " * 20)


def test_a_hangup_ends_the_server_at_once(start: Start, folder: Path) -> None:
    _make_site(folder)
    server = start()

    server.process.send_signal(signal.SIGHUP)

    assert server.end() == -signal.SIGHUP


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd")
    [unit] = _blocks("systemd")
    file = tmp_path / "gitgate.service"
    file.write_text(unit.replace("/opt/gitgate/bin/gitgate", "/bin/true"))

    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, timeout=60, check=False
    )

    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_audit_log_of_the_documents_stands_where_the_unit_lets_gitgate_write() -> None:
    [unit] = _blocks("systemd")
    [logs] = re.findall("^LogsDirectory=(.*)$", unit, re.MULTILINE)
    top = Path(__file__).parents[3]
    page, example = (top / "docs/audit.md").read_text(), (top / "gitgate.yaml.example").read_text()
    written = re.findall(r"^  file: (\S+)$", page + example[example.index("\naudit:") :], re.MULTILINE)
    rotated = re.findall(r"^(/\S+) \{$", page, re.MULTILINE)
    assert {*written, *rotated} == {f"/var/log/{logs}/audit.jsonl"}
    assert (len(written), len(rotated)) == (2, 1)
