import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gitgate_htpasswd.edit import set_password

ANY_PORTS = ("--ssh-port", "0", "--http-port", "0", "--git-port", "0")

#: A configuration with one door, for what is about the process and not about git.
ONE_DOOR = """\
version: 1
listen: [{url: "git://127.0.0.1:%s"}]
plugins:
  - {use: rules, rules: [{repos: ["**"], who: [everyone], allow: [%s]}]}
  - {use: tree, root: .}
"""


@pytest.fixture
def repositories(folder):
    """The folder, with one repository in it."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder / "app.git"], check=True)
    return folder


def _write(folder, *, port="0", allow="read", more=""):
    (folder / "gitgate.yaml").write_text(ONE_DOOR % (port, allow) + more)


def test_a_folder_with_the_three_files_is_served_as_gitserverglue_did(start, sh, repositories):
    set_password(repositories / ".htpasswd", "alice", "secret")
    (repositories / ".rsakeys").write_text("")
    (repositories / ".repoperms").write_text("[app.git]\nalice = rw\nanonymous = r\n")

    server = start("serve", ".", *ANY_PORTS)
    http = server.urls["http"].replace("://", "://alice:secret@")
    commit = "git -c user.name=a -c user.email=a@b commit --allow-empty -m x"
    pushed = sh(f"git clone {http}/app.git && cd app && {commit} && git push")
    read = sh(f"git clone {server.urls['git']}/app.git over-git")
    server.process.send_signal(signal.SIGTERM)

    assert server.lines[0] == f"gitgate 0.1.0 serves {repositories}"
    assert server.lines[5:] == ["ready"]
    assert server.lines[4].startswith("WARNING: passwords come readably over http://")
    assert set(server.urls) == {"ssh", "http", "git"}
    assert (pushed.returncode, read.returncode, server.end()) == (0, 0, 0), pushed.stderr + read.stderr


def test_a_folder_without_any_of_the_files_is_read_by_everybody_on_this_machine(start, sh, repositories):
    server = start("serve", *ANY_PORTS)

    cloned = sh(f"git clone {server.urls['http']}/app.git")
    pushed = sh(f"git -C app push {server.urls['http']}/app.git HEAD:refs/heads/x")

    assert server.lines[4:] == [
        "Everybody on this machine may read, and nobody may push: there is no .htpasswd, .rsakeys or .repoperms.",
        "ready",
    ]
    assert cloned.returncode == 0, cloned.stderr
    assert pushed.returncode != 0


def test_the_bare_command_serves_the_configuration_that_is_here(start, repositories):
    _write(repositories)

    server = start()

    assert server.lines == [
        "gitgate 0.1.0 serves what gitgate.yaml says",
        f"  git    {server.urls['git']}/REPOSITORY",
        "ready",
    ]


def test_the_configuration_of_the_environment_is_served_where_no_other_is_named(start, repositories):
    _write(repositories)

    server = start("serve", GITGATE_CONFIG=str(repositories / "gitgate.yaml"))

    assert server.lines[0] == f"gitgate 0.1.0 serves what {repositories / 'gitgate.yaml'} says"


def test_the_url_that_clients_know_is_shown_before_the_one_of_this_machine(start, repositories):
    _write(repositories, more="public_urls: {git: git://git.example.org/all}\n")

    server = start()

    assert server.lines[1].startswith("  git    git://git.example.org/all/REPOSITORY  (here: git://localhost:")


def test_pushing_without_a_login_is_warned_of(start, repositories):
    _write(repositories, allow="read, write")

    server = start()

    assert server.lines[2:] == [
        "WARNING: whoever can connect may push without a login: rules: rules[0]",
        "ready",
    ]


def test_on_a_terminal_the_first_line_says_what_is_served_and_the_last_one_that_it_is_ready(
    environ, repositories, tmp_path
):
    _write(repositories)
    with (tmp_path / "terminal").open("ab") as terminal:
        command = [sys.executable, "-m", "gitgate"]
        server = subprocess.Popen(command, cwd=repositories, env=environ, stdout=terminal, stderr=terminal)
    try:
        while not (told := (tmp_path / "terminal").read_text()).endswith("ready\n"):
            assert server.poll() is None
            time.sleep(0.01)
    finally:
        server.kill()
        server.wait()

    banner, door, memory, ready = told.splitlines()
    assert (banner, door[:15], ready) == ("gitgate 0.1.0 serves what gitgate.yaml says", "  git    git://", "ready")
    assert " info cli.running: memory: at most " in memory


def test_a_port_that_is_taken_is_one_line(gitgate, repositories):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _write(repositories, port=port)

        ran = gitgate("serve")

    assert (ran.returncode, ran.stdout) == (69, "")
    assert ran.stderr == f"gitgate: cannot listen on git://127.0.0.1:{port}: Address already in use\n"


def test_of_several_ports_that_are_taken_each_is_named(gitgate, repositories):
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as another:
        first, second = (taken.getsockname()[1] for taken in (one, another))

        ran = gitgate("serve", ".", "--ssh-port", "0", "--http-port", str(first), "--git-port", str(second))

    told = [line.partition("cannot listen on ")[2] for line in ran.stderr.splitlines()]
    assert ran.returncode == 69
    assert told == [
        f"git://127.0.0.1:{second}: Address already in use",
        f"http://127.0.0.1:{first}: Address already in use; choose another port with --http-port",
    ]


def test_a_port_of_a_folder_that_is_taken_can_be_chosen(gitgate, repositories):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = gitgate("serve", ".", "--ssh-port", "0", "--http-port", str(port), "--git-port", "0")

    assert ran.returncode == 69
    assert ran.stderr == (
        f"gitgate: cannot listen on http://127.0.0.1:{port}: Address already in use; "
        "choose another port with --http-port\n"
    )


def test_a_missing_git_is_one_line(gitgate, repositories):
    _write(repositories)

    ran = gitgate("serve", PATH="/nowhere")

    assert (ran.returncode, ran.stderr) == (
        69,
        "gitgate: git: no such program; install git, or set git.executable\n",
    )


def test_all_problems_of_a_configuration_are_told(gitgate, repositories):
    (repositories / "gitgate.yaml").write_text("version: 1\nlisten: [{url: gopher://x}]\nplugins: [{use: treee}]\n")

    ran = gitgate("serve")

    assert ran.returncode == 78
    assert [line.split(": ")[0] for line in ran.stderr.splitlines()] == ["gitgate.yaml:2:11", "gitgate.yaml:3:12"]


def test_a_lost_password_file_does_not_open_the_folder_to_everybody(gitgate, repositories):
    """1. `.htpasswd` is a link to a file on another disk. 2. The disk is not mounted when the machine starts. 3. The
    folder, seen as one without passwords, is served to everybody."""
    (repositories / ".htpasswd").symlink_to("/nowhere/htpasswd")

    ran = gitgate("serve", ".", *ANY_PORTS)

    assert (ran.returncode, ran.stdout) == (78, "")
    assert ".htpasswd" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (("serve", "site"), {}, "Use the configuration: gitgate serve -c site/gitgate.yaml"),
        (("serve", "misspelt"), {}, "misspelt/gitgate.yml is not looked for, and would not count: did you mean gitga"),
        (("serve", "plain"), {"GITGATE_CONFIG": "site/gitgate.yaml"}, "for DIRECTORY, unset GITGATE_CONFIG"),
    ],
)
def test_a_folder_with_a_configuration_is_not_served_without_it(gitgate, folder, arguments, environ, words):
    """1. `gitgate init site` writes a configuration with users and rights. 2. `gitgate serve site` passes it by, and
    everybody on the machine reads all repositories."""
    for name, file in {"site": "gitgate.yaml", "misspelt": "gitgate.yml", "plain": "README"}.items():
        (folder / name).mkdir()
        (folder / name / file).write_text("version: 1\n")

    ran = gitgate(*arguments, *ANY_PORTS, **environ)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert words in ran.stderr


def test_a_folder_is_not_served_where_the_current_one_has_a_configuration(gitgate, folder):
    _write(folder)
    (folder / "plain").mkdir()

    ran = gitgate("serve", "plain", *ANY_PORTS)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert (
        "there is a ./gitgate.yaml: for the configuration, leave DIRECTORY out; for DIRECTORY, change to" in ran.stderr
    )


@pytest.mark.parametrize("name", ["gitgate.yml", "Gitgate.yaml", ".gitgate.yaml"])
def test_a_configuration_of_almost_the_right_name_is_not_passed_by(gitgate, folder, name):
    (folder / name).write_text("version: 1\n")

    ran = gitgate("serve", *ANY_PORTS)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"{name} is not looked for, and would not count: did you mean gitgate.yaml? Rename it, or" in ran.stderr


def test_a_log_in_json_has_one_object_in_a_line(start, sh, repositories):
    _write(repositories, more="log: {format: json}\n")
    server = start()

    sh(f"git clone {server.urls['git']}/app.git")
    server.process.send_signal(signal.SIGTERM)
    server.end()

    events = [json.loads(line) for line in server.log.splitlines()]
    assert {(event["level"], event["logger"]) for event in events} == {
        ("info", "audit"),
        ("info", "cli.running"),
        ("info", "git.answers"),
    }


def test_a_log_that_cannot_be_written_does_not_stop_the_server(start, sh, repositories):
    """1. The disk under the log is full. 2. Each line that is logged fails. 3. So do the requests that log it."""
    _write(repositories)

    server = start(log_file=Path("/dev/full"))
    cloned = sh(f"git clone {server.urls['git']}/app.git")
    server.process.send_signal(signal.SIGTERM)

    assert (cloned.returncode, server.end()) == (0, 0), cloned.stderr


def test_nobody_who_reads_the_first_lines_is_no_reason_to_end(repositories, environ, tmp_path):
    """1. A supervisor starts gitgate with a full disk, or a closed pipe, for its output. 2. The start lines fail."""
    _write(repositories)
    log_file = tmp_path / "log"
    with log_file.open("wb") as log, Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "gitgate"], cwd=repositories, env=environ, stdout=full, stderr=log
        )

    while "standard output cannot be written" not in log_file.read_text():
        assert process.poll() is None
        time.sleep(0.01)
    process.terminate()

    assert process.wait(timeout=30) == 0


def test_systemd_is_told_when_the_server_is_ready_and_when_it_stops(start, repositories, tmp_path):
    _write(repositories)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)

        server = start(NOTIFY_SOCKET=str(tmp_path / "notify"))
        ready = systemd.recv(100)
        server.process.send_signal(signal.SIGTERM)
        stopping = systemd.recv(100)

    assert (ready, stopping, server.end()) == (b"READY=1", b"STOPPING=1", 0)


def test_a_second_signal_ends_a_server_that_waits_for_its_operations(start, repositories):
    """Somebody who is in a hurry presses Ctrl-C twice while a clone stands still."""
    _write(repositories)
    server = start()
    port = int(server.urls["git"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as client:
        request = b"git-upload-pack /app.git\0host=x\0\0version=1\0"
        client.sendall(b"%04x%b" % (len(request) + 4, request))
        begun = client.recv(4)

        server.process.send_signal(signal.SIGINT)
        while "stopping" not in server.log:
            assert server.process.poll() is None
            time.sleep(0.01)
        server.process.send_signal(signal.SIGINT)
        code = server.process.wait(timeout=8)  # operations may take 10 s to end in order

    assert (begun, code) == (b"000e", 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("serve", ".", "-c", "gitgate.yaml"), "DIRECTORY and -c exclude each other"),
        (("serve", "-c", "gitgate.yaml", "--ssh-port", "0"), "--ssh-port is for serving a DIRECTORY"),
        (("serve", "--git-port", "0"), "the ports of gitgate.yaml stand in its `listen`"),
        (("serve", "nowhere"), "Directory 'nowhere' does not exist"),
        (("serve", ".", "--http-port", "65536"), "65536 is not in the range"),
    ],
)
def test_options_that_make_no_sense_together_are_a_usage_error(gitgate, folder, arguments, words):
    _write(folder)

    ran = gitgate(*arguments)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert words in ran.stderr
