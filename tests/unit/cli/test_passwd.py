import subprocess
import sys

import pytest
from click.testing import CliRunner
from gitgate_htpasswd import HtpasswdPlugin, HtpasswdSettings
from gitgate_htpasswd.edit import SCHEMES
from hooks import answered

from gitgate.cli import gitgate
from gitgate.plugin import Identity, Password, Peer, Transport

PEER = Peer(transport=Transport.HTTP, address="127.0.0.1", port=1, encrypted=False)


def _run(*arguments, given=""):
    return CliRunner().invoke(gitgate, ["passwd", *map(str, arguments)], input=given)


def _logs_in(file, username, password):
    plugin = HtpasswdPlugin(HtpasswdSettings(file=file))
    return answered(plugin.authenticate(Password(username=username, password=password), PEER))


def test_a_password_from_standard_input_logs_in(tmp_path):
    file = tmp_path / "users"

    ran = _run(file, "alice", "--stdin", given="correct horse\nnot this\n")

    assert (ran.exit_code, ran.output) == (0, f"alice has a new password in {file}\n")
    assert _logs_in(file, "alice", "correct horse") == Identity(name="alice")


def test_a_password_is_asked_for_twice_and_not_shown(tmp_path):
    file = tmp_path / "users"

    ran = _run(file, "alice", given="secret\nsecret\n")

    assert ran.exit_code == 0
    assert "secret" not in ran.output
    assert _logs_in(file, "alice", "secret") == Identity(name="alice")


def test_a_slip_of_the_finger_is_asked_again(tmp_path):
    file = tmp_path / "users"

    ran = _run(file, "alice", given="secret\nsecrte\nsecret\nsecret\n")

    assert ran.exit_code == 0
    assert _logs_in(file, "alice", "secret") == Identity(name="alice")


@pytest.mark.parametrize(
    ("given", "code", "said", "complaint"),
    [
        ("secret\n", 0, "alice has a new password in users\n", ""),
        ("", 1, "", "gitgate: there is no password on standard input\n"),
    ],
)
def test_where_there_is_no_terminal_nobody_is_asked(tmp_path, given, code, said, complaint):
    """Python's getpass would warn, with a line of its source, that the password may be seen."""
    command = [sys.executable, "-m", "gitgate", "passwd", "users", "alice"]
    ran = subprocess.run(command, cwd=tmp_path, input=given, start_new_session=True, capture_output=True, text=True)

    assert (ran.returncode, ran.stdout, ran.stderr) == (code, said, complaint)
    assert [path.name for path in tmp_path.iterdir()] == (["users"] if code == 0 else [])


def test_a_user_is_taken_out(tmp_path):
    file = tmp_path / "users"
    file.write_text("alice:x\nbob:y\n")

    ran = _run(file, "alice", "--delete")

    assert (ran.exit_code, ran.output) == (0, f"alice is no longer in {file}\n")
    assert file.read_text() == "bob:y\n"


@pytest.mark.parametrize(
    ("arguments", "given", "code", "words"),
    [
        (["al:ice", "--stdin"], "x\n", 1, "a user name must not have a colon"),
        (["alice", "--stdin"], "", 1, "there is no password on standard input"),
        (["alice", "--stdin"], "\n", 1, "a password has 1 to"),
        (["alice", "--stdin"], b"\xff\n", 1, "is not UTF-8"),
        (["alice", "--delete"], "", 1, "there is no user 'alice'"),
        (["alice", "--delete", "--stdin"], "", 2, "--delete and --stdin exclude each other"),
        (["alice", "--scheme", "plain"], "", 2, "'plain' is not one of"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_changes_nothing(tmp_path, arguments, given, code, words):
    file = tmp_path / "users"
    file.write_text("bob:y\n")

    ran = _run(file, *arguments, given=given)

    assert (ran.exit_code, file.read_text()) == (code, "bob:y\n")
    assert words in ran.output.splitlines()[-1]


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    file = tmp_path / "nowhere/users"

    ran = _run(file, "alice", "--stdin", given="x\n")

    assert (ran.exit_code, ran.output) == (69, f"gitgate: {file} cannot be written: No such file or directory\n")


def test_the_schemes_to_choose_from_are_those_of_the_plugin():
    scheme = next(option for option in gitgate.commands["passwd"].params if option.name == "scheme")

    assert tuple(scheme.type.choices) == SCHEMES
