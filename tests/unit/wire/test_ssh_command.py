import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitgate.plugin import Service
from gitgate.wire.malformed import Malformed
from gitgate.wire.ssh_command import LONGEST_COMMAND, SshCommand, parse_ssh_command


@pytest.mark.parametrize("verb", ["git-upload-pack", "git upload-pack", "git\tupload-pack"])
def test_both_spellings_of_the_command_are_one(verb: str) -> None:
    assert parse_ssh_command(f"{verb} '/r.git'".encode()) == SshCommand(Service.UPLOAD_PACK, "/r.git")


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (b"git-receive-pack '/a b.git'", "/a b.git"),
        (rb"git-receive-pack '/a'\''b'", "/a'b"),
        (rb"git-receive-pack '/a'\!'b'", "/a!b"),
        (rb"git-receive-pack '/a\b'", r"/a\b"),
        (b"git-receive-pack '/$(id)`id`;id'", "/$(id)`id`;id"),
        (b"git-receive-pack 'relative'", "/relative"),
    ],
)
def test_the_path_is_dequoted_as_git_does(command: bytes, path: str) -> None:
    assert parse_ssh_command(command) == SshCommand(Service.RECEIVE_PACK, path)


@pytest.mark.parametrize(
    "command",
    [
        b"",
        b" git-upload-pack '/r.git'",
        b"git  upload-pack '/r.git'",
        b"/usr/bin/git-upload-pack '/r.git'",
        b"GIT-UPLOAD-PACK '/r.git'",
        b"git -c x=y upload-pack '/r.git'",
        b"git --exec-path=/tmp upload-pack '/r.git'",
        b"git-upload-pack\t'/r.git'",
        b"git-lfs-authenticate r.git download",
        b"git-shell",
        b"scp -t /tmp",
        b"rsync --server . /",
        b"cvs server",
        b"../../bin/sh",
        b"sh -c id",
    ],
)
def test_any_other_command_is_not_recognised(command: bytes) -> None:
    with pytest.raises(Malformed, match="^unrecognized command '"):
        parse_ssh_command(command)


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b" ",
        b" /r.git",
        b' "/r.git"',
        b" '/r.git' --strict",
        b" --strict '/r.git'",
        b" '--help'",
        b" '-o' '/r.git'",
        b" '/r.git",
        b" '/r.git'; id",
        b" '/r.git' && id",
        b" '/r.git'\nid",
        b" '/r.git' ",
        b" '/a''b'",
        rb" '/a'\x'b'",
        b" ''\\''",
        b" '/a\0b'",
    ],
)
def test_any_other_argument_is_bad(argument: bytes) -> None:
    """The client asks git to run with an option, or a shell to run something after it."""
    with pytest.raises(Malformed, match="^bad argument$"):
        parse_ssh_command(b"git-upload-pack" + argument)


@pytest.mark.parametrize("path", [b"/r\x1b]0;x.git", b"/r\n.git", b"/\xff", b"/../r.git", b"//r.git"])
def test_a_path_that_cannot_be_one_is_refused(path: bytes) -> None:
    with pytest.raises(Malformed, match="^the path "):
        parse_ssh_command(b"git-upload-pack '" + path + b"'")


def test_a_command_longer_than_any_path_is_refused() -> None:
    """CVE-2022-39260: git shell's own splitting of a command of more than 2 GiB overflowed an int."""
    with pytest.raises(Malformed, match="longer than 4096 bytes"):
        parse_ssh_command(b"git-upload-pack '/" + b"a" * LONGEST_COMMAND + b"'")


def test_escape_sequences_in_a_command_do_not_reach_the_terminal() -> None:
    with pytest.raises(Malformed) as caught:
        parse_ssh_command(b"scp \x1b[2J")
    assert str(caught.value) == r"unrecognized command 'scp \x1b[2J'"


@pytest.fixture(scope="session")
def git_shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a git that prints the path it is given; git-shell runs that as `git upload-pack <path>`."""
    folder = tmp_path_factory.mktemp("git-shell")
    program = folder / "git"
    program.write_text('#!/bin/sh\nprintf "SERVED %s" "$2"\n')
    program.chmod(0o755)
    return folder


@given(
    verb=st.sampled_from(["git-upload-pack", "git upload-pack", "git-receive-pack", "git  upload-pack", "git-x"]),
    between=st.sampled_from([" ", "  ", "\t", ""]),
    argument=st.text("'\\!ab /-;\n", max_size=12),
)
def test_the_parser_never_serves_what_git_dequotes_otherwise(verb: str, between: str, argument: str) -> None:
    """Against quote.c's rules in another form: a regular expression over the whole quoted argument."""
    try:
        parsed = parse_ssh_command(f"{verb}{between}'{argument}'".encode())
    except Malformed:
        return
    assert re.fullmatch(r"(?:[^']|'\\['!]')*", argument)
    dequoted = argument.replace("'\\''", "\0").replace("'\\!'", "!").replace("\0", "'")
    assert parsed.path == "/" + dequoted.removeprefix("/").removesuffix("/")


def served_by_git_shell(git_shell: Path, command: str) -> str | None:
    """The path that git-shell hands to the service; None where it refuses."""
    ran = subprocess.run(
        [str(shutil.which("git-shell")), "-c", command],
        env={"PATH": "/usr/bin:/bin", "GIT_EXEC_PATH": str(git_shell), "HOME": str(git_shell)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    if ran.stdout.startswith("SERVED "):
        return ran.stdout.removeprefix("SERVED ")
    assert ran.returncode == 128
    return None


_PIECES = st.sampled_from(
    ["/", "r", "a b", "'\\''", "'\\!'", "'", "\\", "!", "-", "..", '"', ";id", "\n", "~", "$(id)", "\t"]
)
_ARGUMENTS = st.lists(_PIECES, max_size=5).map("".join)


@settings(max_examples=150, deadline=None)
@given(
    verb=st.sampled_from(["git-upload-pack", "git upload-pack", "git\treceive-pack", "git-upload-archive"])
    | st.sampled_from(["git  upload-pack", " git-upload-pack", "git-uploadpack", "git", "GIT-UPLOAD-PACK"]),
    between=st.sampled_from([" '", " '/", " ", "'", "\t'", "  '", " '-", ""]),
    argument=_ARGUMENTS,
    after=st.sampled_from(["'", "", "' ", "' x", "''"]),
)
def test_git_shell_itself_serves_and_refuses_the_same(
    git_shell: Path, verb: str, between: str, argument: str, after: str
) -> None:
    """What ours refuses and git-shell would serve are paths that no repository can have, and nothing else."""
    command = f"{verb}{between}{argument}{after}"
    served = served_by_git_shell(git_shell, command)
    path, refusal = None, ""
    try:
        path = parse_ssh_command(command.encode()).path
    except Malformed as error:
        refusal = str(error)

    if refusal.startswith("the path "):
        return
    assert path == (None if served is None else "/" + served.removeprefix("/").removesuffix("/"))


@pytest.mark.parametrize(
    ("command", "served"),
    [
        ("git-upload-pack '/r'", "/r"),
        ("git upload-pack '/r'", "/r"),
        ("git-receive-pack '/r'\\''x'", "/r'x"),
        ("git-receive-pack '/r'\\!'x'", "/r!x"),
        ("git-upload-archive 'r'", "r"),
        ("git-upload-pack '-x'", None),
        ("git-upload-pack '/r'\\x'y'", None),
    ],
)
def test_the_git_shell_of_these_tests_does_serve(git_shell: Path, command: str, served: str | None) -> None:
    assert served_by_git_shell(git_shell, command) == served
