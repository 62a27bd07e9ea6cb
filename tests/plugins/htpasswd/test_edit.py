"""What `gitgate passwd` writes into a password file."""

import os
import re
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
import pytest
from gitgate_htpasswd import HtpasswdPlugin, edit
from gitgate_htpasswd.edit import EditRefused, remove_user, set_password

from gitgate.plugin import Identity, Rejected

Load = Callable[..., HtpasswdPlugin]
LogIn = Callable[[HtpasswdPlugin, str, str], Identity | Rejected | None]

PASSWORD = "correct horse"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cheapest bcrypt, where its cost is not what the test is about."""
    gensalt = bcrypt.gensalt
    monkeypatch.setattr(bcrypt, "gensalt", lambda rounds: gensalt(4))


def with_hashes_replaced(content: bytes) -> bytes:
    return re.sub(rb"\$2y\$04\$[./0-9A-Za-z]{53}", b"NEW", content)


def test_a_new_file_has_one_line_of_bcrypt_with_cost_12_for_its_owner_only(users_file: Path) -> None:
    set_password(users_file, "alice", PASSWORD)

    assert re.fullmatch(rb"alice:\$2y\$12\$[./0-9A-Za-z]{53}\n", users_file.read_bytes())
    assert stat.S_IMODE(users_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("scheme", edit.SCHEMES)
@pytest.mark.usefixtures("quick")
def test_who_is_written_can_log_in(scheme: str, users_file: Path, load: Load, log_in: LogIn) -> None:
    if scheme == "argon2id":
        pytest.importorskip("argon2", reason="needs argon2-cffi")
    set_password(users_file, "jürgen luc", "pässwörd", scheme)

    plugin = load(users_file.read_bytes())

    assert log_in(plugin, "jürgen luc", "pässwörd") == Identity(name="jürgen luc")
    assert log_in(plugin, "jürgen luc", "passwort") == Rejected("wrong password")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"alice:old\n", b"alice:NEW\n", id="only line"),
        pytest.param(b"alice:old", b"alice:NEW", id="no last line end"),
        pytest.param(b"bob:x\nalice:old\ncarol:y\n", b"bob:x\nalice:NEW\ncarol:y\n", id="line in the middle"),
        pytest.param(b"bob:x\n", b"bob:x\nalice:NEW\n", id="new user"),
        pytest.param(b"bob:x", b"bob:x\nalice:NEW\n", id="new user after no last line end"),
        pytest.param(b"bob:x\r\n", b"bob:x\r\nalice:NEW\r\n", id="new user in a Windows file"),
        pytest.param(b"alice:old\r\nbob:x\r\n", b"alice:NEW\r\nbob:x\r\n", id="Windows file"),
        pytest.param(b"alice:old:her comment\n", b"alice:NEW:her comment\n", id="nginx's third field"),
        pytest.param(b"\xef\xbb\xbfalice:old\n", b"\xef\xbb\xbfalice:NEW\n", id="byte order mark"),
        pytest.param(b"  alice:old \t\n", b"  alice:NEW \t\n", id="blanks at both ends"),
        pytest.param(b"#alice:x\n\nalice:old\n", b"#alice:x\n\nalice:NEW\n", id="comment with the name"),
        pytest.param(b"Alice:x\nalice2:y\n", b"Alice:x\nalice2:y\nalice:NEW\n", id="names alike"),
        pytest.param(
            b"b\xff:\0\r\n\n\x0cno colon\n# \xff\nalice:old\n",
            b"b\xff:\0\r\n\n\x0cno colon\n# \xff\nalice:NEW\n",
            id="lines that nobody can read stay, byte for byte",
        ),
        pytest.param(b"", b"alice:NEW\n", id="empty file"),
    ],
)
@pytest.mark.usefixtures("quick")
def test_only_the_user_s_hash_changes(before: bytes, after: bytes, users_file: Path) -> None:
    users_file.write_bytes(before)

    set_password(users_file, "alice", PASSWORD)

    assert with_hashes_replaced(users_file.read_bytes()) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"alice:old\n", b"", id="only line"),
        pytest.param(b"bob:x\nalice:old:comment\r\ncarol:y", b"bob:x\ncarol:y", id="line in the middle"),
        pytest.param(b"bob:x\nalice:old", b"bob:x\n", id="last line, without a line end"),
        pytest.param(b"\xef\xbb\xbfalice:old\nbob:x\n", b"\xef\xbb\xbfbob:x\n", id="after a byte order mark"),
    ],
)
def test_a_removed_user_leaves_the_other_lines(before: bytes, after: bytes, users_file: Path) -> None:
    users_file.write_bytes(before)

    remove_user(users_file, "alice")

    assert users_file.read_bytes() == after


def test_a_name_that_cannot_be_written_can_be_removed(users_file: Path) -> None:
    users_file.write_bytes(b"caf\xe9:x\nanonymous:y\n")

    remove_user(users_file, os.fsdecode(b"caf\xe9"))
    remove_user(users_file, "anonymous")

    assert users_file.read_bytes() == b""


@pytest.mark.parametrize("content", [b"", b"#alice:x\nbob:y\n", None])
def test_a_user_who_is_not_there_cannot_be_removed(content: bytes | None, users_file: Path) -> None:
    if content is not None:
        users_file.write_bytes(content)

    with pytest.raises(EditRefused) as caught:
        remove_user(users_file, "alice")

    assert str(caught.value) == f"{users_file}: there is no user 'alice'"
    assert (users_file.read_bytes() if users_file.exists() else None) == content


@pytest.mark.parametrize(
    "username",
    [
        *("", "al:ice", " alice", "alice ", "#alice", "anonymous"),
        *("al\nice", "alice\n", "al\rice", "al\0ice", "al\x1bice", "a\u202eb", "\udcff", "\ufeffalice"),
    ],
)
def test_a_name_that_could_not_log_in_is_refused(username: str, users_file: Path) -> None:
    """Attack: a web form calls `gitgate passwd`, and somebody signs up as "x:\\nroot:$2y$...": a line of their own."""
    users_file.write_bytes(b"bob:x\n")

    with pytest.raises(EditRefused, match="name"):
        set_password(users_file, username, PASSWORD)

    assert users_file.read_bytes() == b"bob:x\n"


@pytest.mark.parametrize(
    ("password", "scheme", "problem"),
    [
        ("", "bcrypt", "a password has 1 to 1024 bytes, none of which is NUL"),
        ("a\0b", "bcrypt", "a password has 1 to 1024 bytes, none of which is NUL"),
        ("\udcff", "bcrypt", "a password has 1 to 1024 bytes, none of which is NUL"),
        ("x" * 1025, "argon2id", "a password has 1 to 1024 bytes, none of which is NUL"),
        ("x" * 73, "bcrypt", "bcrypt reads 72 bytes of a password, and this has 73; choose a shorter one"),
        ("ü" * 37, "bcrypt", "bcrypt reads 72 bytes of a password, and this has 74; choose a shorter one"),
        (PASSWORD, "plaintext", "there is no scheme 'plaintext'; choose one of bcrypt, argon2id"),
    ],
)
def test_a_password_that_would_be_cut_or_could_not_log_in_is_refused(
    password: str, scheme: str, problem: str, users_file: Path
) -> None:
    with pytest.raises(EditRefused) as caught:
        set_password(users_file, "alice", password, scheme)

    assert str(caught.value) == problem
    assert not users_file.exists()


@pytest.mark.usefixtures("quick")
def test_72_bytes_are_not_too_many_for_bcrypt(users_file: Path, load: Load, log_in: LogIn) -> None:
    set_password(users_file, "alice", "ü" * 36)

    assert log_in(load(users_file.read_bytes()), "alice", "ü" * 36) == Identity(name="alice")


@pytest.mark.usefixtures("quick")
def test_a_user_with_two_lines_is_left_to_a_person(users_file: Path) -> None:
    users_file.write_bytes(b"alice:x\nbob:y\nalice:z\n")

    with pytest.raises(EditRefused) as caught:
        set_password(users_file, "alice", PASSWORD)

    assert str(caught.value) == f"{users_file}: lines 1 and 3 name the same user; delete all but one"
    assert users_file.read_bytes() == b"alice:x\nbob:y\nalice:z\n"


@pytest.mark.parametrize("mode", [0o640, 0o444, 0o600])
@pytest.mark.usefixtures("quick")
def test_mode_and_owner_stay(mode: int, users_file: Path) -> None:
    """A file of mode 0640 for the server's group: written anew as 0600, the server could not read it any more."""
    users_file.write_bytes(b"bob:x\n")
    users_file.chmod(mode)
    if os.geteuid() == 0:
        os.chown(users_file, 12345, 23456)
    before = users_file.stat()

    set_password(users_file, "alice", PASSWORD)

    after = users_file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


@pytest.mark.usefixtures("quick")
def test_an_owner_that_cannot_be_kept_is_an_error_and_nothing_is_written(
    users_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users_file.write_bytes(b"bob:x\n")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)

    with pytest.raises(EditRefused, match="its owner and group cannot be kept; run this as its owner, or as root"):
        set_password(users_file, "alice", PASSWORD)

    assert {path.name: path.read_bytes() for path in users_file.parent.iterdir()} == {users_file.name: b"bob:x\n"}


@pytest.mark.usefixtures("quick")
def test_of_a_link_the_file_is_replaced_and_not_the_link(users_file: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "users"
    real.parent.mkdir()
    real.write_bytes(b"bob:x\n")
    users_file.symlink_to(real)

    set_password(users_file, "alice", PASSWORD)

    assert users_file.readlink() == real
    assert with_hashes_replaced(real.read_bytes()) == b"bob:x\nalice:NEW\n"
    assert list(real.parent.iterdir()) == [real]


@pytest.mark.usefixtures("quick")
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(
    users_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users_file.write_bytes(b"bob:x\n")

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)

    with pytest.raises(OSError, match="No space left on device"):
        set_password(users_file, "alice", PASSWORD)

    assert {path.name: path.read_bytes() for path in users_file.parent.iterdir()} == {users_file.name: b"bob:x\n"}


@pytest.mark.usefixtures("quick")
def test_the_new_content_is_on_the_disk_before_it_takes_the_old_one_s_place(
    users_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut after the rename, but before the data is written, leaves an empty file: nobody can log in."""
    users_file.write_bytes(b"bob:x\n")
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def recorded_fsync(descriptor: int) -> None:
        events.append("folder synced" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file synced")
        fsync(descriptor)

    def recorded_replace(path: Path, target: Path) -> Path:
        events.append("renamed")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)

    set_password(users_file, "alice", PASSWORD)

    assert events == ["file synced", "renamed", "folder synced"]


@pytest.mark.usefixtures("quick")
def test_what_is_no_regular_file_stays_what_it_is(tmp_path: Path) -> None:
    """`gitgate passwd /dev/null alice`, run as root, put a password file in the place of the device."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    with pytest.raises(EditRefused, match="is not a regular file"):
        set_password(fifo, "alice", PASSWORD)
    with pytest.raises(EditRefused, match="is not a regular file"):
        remove_user(fifo, "alice")

    assert fifo.is_fifo()
    assert os.listdir(tmp_path) == ["fifo"]


@pytest.mark.usefixtures("quick")
def test_writers_at_the_same_time_lose_no_user(users_file: Path) -> None:
    """Two administrators at once: each reads the old file and writes its own new one; the last would win."""
    names = [f"user{number}" for number in range(24)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: set_password(users_file, name, PASSWORD), names))

    written = [line.partition(b":")[0].decode() for line in users_file.read_bytes().splitlines()]
    assert sorted(written) == sorted(names)


@pytest.mark.usefixtures("quick")
def test_a_user_can_be_written_while_the_server_follows_the_file(
    users_file: Path, load: Load, log_in: LogIn, advance: Callable[[float], None]
) -> None:
    plugin = load("bob:*\n")

    set_password(users_file, "alice", PASSWORD)
    advance(1)

    assert log_in(plugin, "alice", PASSWORD) == Identity(name="alice")
