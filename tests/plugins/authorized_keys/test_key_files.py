"""Files and folders of keys: what is listed for whom, and what is left out with a warning."""

import logging
import subprocess
from pathlib import Path
from typing import Any

import pytest
from gitgate_authorized_keys.bad_line import BadLine
from gitgate_authorized_keys.key_files import KeyFiles, parse_key_line
from gitgate_authorized_keys.options import Conditions
from hypothesis import example, given
from hypothesis import strategies as st

FILE = Path("/keys/users.keys")
FOLDER = Path("/keys/keys.d")


def users(contents: dict[Path, bytes]) -> list[tuple[bytes, str, str]]:
    """Each usable line: its key, its user and its place."""
    index = KeyFiles(FILE, None).index(contents)
    return [(blob, key.user, key.place) for blob, listed in index.items() for key in listed]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_several_lines_of_one_user_add_up(keys: dict[str, Any]) -> None:
    """The format of GitServerGlue's .rsakeys."""
    first, second, third = keys["ed25519"], keys["rsa"], keys["p256"]
    content = f"# people\n\nalice: {first.line} alice@laptop: new\n\talice:{second.line}\r\nbob :  {third.line}"

    assert users({FILE: content.encode()}) == [
        (first.blob, "alice", f"{FILE}:3"),
        (second.blob, "alice", f"{FILE}:4"),
        (third.blob, "bob", f"{FILE}:5"),
    ]


def test_the_lines_that_ssh_keygen_reads_are_the_lines_that_are_used(keys: dict[str, Any], tmp_path: Path) -> None:
    """ssh-keygen -l prints the fingerprint of each line of an authorized_keys file that it can read."""
    lines = [
        f"  {keys['ed25519'].line}",
        f"\tno-pty\t{keys['p256'].line}\tcomment with blanks",
        f'from="192.0.2.0/24,!192.0.2.8",no-pty {keys["p384"].line} x',
        f"restrict {keys['rsa'].line}\r",
        f"# {keys['second'].line}",
        f"ssh-ed25519 {keys['rsa'].text}",
        f"ssh-ed25519 {keys['second'].text[:40]}",
        f"ssh-ed25519{keys['third'].text}",
        "garbage",
        f"{keys['sk-ed25519'].line} alice@token",
        f'expiry-time="20300101" {keys["p521"].line}',
    ]
    content = "\n".join(lines)
    (tmp_path / "alice").write_bytes(content.encode())
    listed = subprocess.run(["ssh-keygen", "-l", "-f", "alice"], cwd=tmp_path, capture_output=True, text=True)

    used = users({tmp_path / "alice": content.encode()})

    by_fingerprint = {key.fingerprint: key.blob for key in keys.values()}
    assert [blob for blob, _, _ in used] == [by_fingerprint[line.split()[1]] for line in listed.stdout.splitlines()]
    assert len(used) == 6


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("KEY", "it has no colon; write `user: type key`"),
        (": KEY", "'' is not a name for a user"),
        ("anonymous: KEY", "'anonymous' is not a name for a user"),
        ("al\x1b[31mice: KEY", "'al\\x1b[31mice' is not a name for a user"),
        ("al\udcffice: KEY", "'al\\udcffice' is not a name for a user"),
        ("alice:", "it has no key; write `type key`, with options before it if need be"),
        ("alice: ssh-ed25519", "it has no key; write `type key`, with options before it if need be"),
        ("alice: no-pty", "it has no key; write `type key`, with options before it if need be"),
        ("alice: no-pty ssh-xmss AAAA", "'ssh-xmss' is not a type of key that is supported"),
        ("alice: ssh-xmss AAAA", "'ssh-xmss' is neither a type of key that is supported nor a known option"),
        (
            "alice: ssh-ed25519-cert-v01@openssh.com AAAA",
            "'ssh-ed25519-cert-v01@openssh.com' is neither a type of key that is supported nor a known option",
        ),
        ('alice: command="x" KEY', "option command: no command but git's own is ever run; list the key without it"),
        ("alice: ssh-dss AAAA", "ssh-dss keys sign with SHA-1 only, and are not accepted; make an ed25519 key"),
    ],
)
def test_a_line_that_cannot_be_used_is_left_out_and_named(
    keys: dict[str, Any], caplog: pytest.LogCaptureFixture, line: str, reason: str
) -> None:
    key = keys["ed25519"]
    content = f"# first\n{line.replace('KEY', key.line)}\nbob: {key.line}\n".encode(errors="surrogateescape")

    assert users({FILE: content}) == [(key.blob, "bob", f"{FILE}:3")]
    assert warnings(caplog) == [f"{FILE}:2: line ignored: {reason}"]


def test_a_line_that_is_too_long_is_left_out(keys: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    key = keys["ed25519"]
    content = f"alice: {key.line} {'x' * 16384}\nbob: {key.line}\n".encode()

    assert users({FILE: content}) == [(key.blob, "bob", f"{FILE}:2")]
    assert warnings(caplog) == [f"{FILE}:1: line ignored: it has {len(content.splitlines()[0])} bytes, more than 16384"]


def test_a_host_name_in_from_is_named_and_the_line_used(keys: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    key = keys["ed25519"]

    used = users({FILE: f'alice: from="*.example.org,192.0.2.7" {key.line}\n'.encode()})

    assert used == [(key.blob, "alice", f"{FILE}:1")]
    assert warnings(caplog) == [
        f"{FILE}:1: from= has host names, which are not looked up and never match: '*.example.org'"
    ]


def test_a_comment_cannot_start_a_line_of_its_own(keys: dict[str, Any]) -> None:
    """A user may choose the comment of a key that is added for them: a form feed or U+2028 in it, which Python takes
    for the end of a line, would list another key for somebody else."""
    first, second = keys["ed25519"], keys["second"]
    for separator in ("\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"):
        content = f"alice: {first.line} x{separator}admin: {second.line}\n"

        assert users({FILE: content.encode()}) == [(first.blob, "alice", f"{FILE}:1")]


def test_a_comment_may_be_in_any_encoding_and_the_file_may_start_with_a_bom(keys: dict[str, Any]) -> None:
    key = keys["ed25519"]

    assert users({FILE: b"\xef\xbb\xbfalice: " + key.line.encode() + b" J\xfcrgen\n"}) == [
        (key.blob, "alice", f"{FILE}:1")
    ]


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("alice", "alice"),
        ("alice.pub", "alice"),
        ("alice@laptop.pub", "alice"),
        ("alice@example.org.pub", "alice@example.org"),
        ("alice@example.org@laptop.pub", "alice@example.org"),
        ("alice@example.org", "alice@example.org"),
        ("j.doe.pub", "j.doe"),
        ("j.doe", "j.doe"),
    ],
)
def test_a_file_is_its_users_by_name(keys: dict[str, Any], tmp_path: Path, name: str, user: str) -> None:
    """As gitolite reads the names in its keydir."""
    key = keys["ed25519"]
    path = tmp_path / name
    path.write_text(f"# laptop\nno-pty {key.line}\n")
    files = KeyFiles(None, tmp_path)

    index = files.index({path: path.read_bytes() for path in files.find()})

    assert [(blob, listed[0].user, listed[0].place) for blob, listed in index.items()] == [
        (key.blob, user, f"{path}:2")
    ]


@pytest.mark.parametrize("name", [".pub", "@laptop.pub", "anonymous", "anonymous.pub", "a\nb.pub"])
def test_a_file_whose_name_is_no_users_is_left_out_and_named(
    keys: dict[str, Any], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    index = KeyFiles(FILE, None).index({FOLDER / name: keys["ed25519"].line.encode()})

    assert index == {}
    assert [message.partition(": file ignored: ")[0] for message in warnings(caplog)] == [
        repr(f"{FOLDER}/a\nb.pub") if "\n" in name else f"{FOLDER}/{name}"
    ]


def test_hidden_files_and_editors_leftovers_are_not_keys(tmp_path: Path) -> None:
    """alice~ holds the key that was taken out of alice a moment ago."""
    for name in (".alice.swp", ".gitignore", "alice~", "alice.pub~", "#alice#", "alice"):
        (tmp_path / name).touch()

    assert KeyFiles(None, tmp_path).find() == [tmp_path / "alice"]


def test_a_folder_in_the_folder_is_not_searched_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """alice.pub was moved to old/ so that it ends; `..data` is how Kubernetes mounts, and nothing to name."""
    for name in ("old", "..data"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "alice.pub").touch()
    files = KeyFiles(None, tmp_path)

    found = files.find()
    files.index({})

    assert found == []
    assert warnings(caplog) == [f"{tmp_path / 'old'}: folder ignored: keys are looked for beside it, not in it"]


def test_a_file_inside_the_folder_is_read_once_and_as_a_file(keys: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "users.keys"
    path.write_text(f"alice: {keys['ed25519'].line}\n")
    files = KeyFiles(path, tmp_path)

    found = files.find()
    index = files.index({path: path.read_bytes() for path in found})

    assert found == [path]
    assert [listed[0].user for listed in index.values()] == ["alice"]


@given(st.text())
@example("ssh-ed25519 " + "A" * 20000)
def test_no_line_raises_anything_but_bad_line(line: str) -> None:
    with pytest.raises(BadLine):
        parse_key_line(line)


@given(st.binary() | st.text(alphabet="alicebob: #ssh-ed25519 AAAA\t\r\n\x00,=\"'\\").map(str.encode))
def test_no_content_of_a_file_raises(content: bytes) -> None:
    assert users({FILE: content, FOLDER / "alice": content}) == []


def test_a_whole_line_is_read(keys: dict[str, Any]) -> None:
    key = keys["ed25519"]

    assert parse_key_line(f'  expiry-time="19700102Z",restrict  {key.line}  c o') == (
        key.blob,
        Conditions(expires=86400),
    )
