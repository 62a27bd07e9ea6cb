"""A changed file counts within a second; a broken one changes nothing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from gitgate_htpasswd import HtpasswdPlugin

from gitgate.plugin import Identity, Peer, Rejected

Load = Callable[..., HtpasswdPlugin]
LogIn = Callable[[HtpasswdPlugin, str, str], Identity | Rejected | None]
Advance = Callable[[float], None]

OLD = "alice:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\n"
"""Her password is "correct horse"."""
NEW = "alice:{SHA}4/8EauNSRAt2M2wN8hy6sNnX6do=\n"
"""Her password is "battery staple"; the line is as long as the old one."""


def test_a_changed_password_counts_after_a_second(
    load: Load, log_in: LogIn, advance: Advance, users_file: Path
) -> None:
    plugin = load(OLD)
    users_file.write_text("# another size\n" + NEW)

    advance(0.9)
    before = log_in(plugin, "alice", "battery staple")
    advance(0.2)
    after = log_in(plugin, "alice", "battery staple"), log_in(plugin, "alice", "correct horse")

    assert (before, after) == (Rejected("wrong password"), (Identity(name="alice"), Rejected("wrong password")))


def test_a_rewrite_with_the_same_size_and_time_is_seen(
    load: Load, log_in: LogIn, advance: Advance, users_file: Path
) -> None:
    """libpass looks at the time of modification only: a password revoked by a tool that keeps times stays valid."""
    plugin = load(OLD)
    status = users_file.stat()
    users_file.write_text(NEW)
    os.utime(users_file, ns=(status.st_atime_ns, status.st_mtime_ns))
    while users_file.stat().st_ctime_ns == status.st_ctime_ns:  # until the kernel's clock has ticked: 4 ms at most
        os.utime(users_file, ns=(status.st_atime_ns, status.st_mtime_ns))
    advance(1)

    assert log_in(plugin, "alice", "correct horse") == Rejected("wrong password")


def test_a_file_renamed_into_place_with_the_same_size_and_time_is_seen(
    load: Load, log_in: LogIn, advance: Advance, users_file: Path, tmp_path: Path
) -> None:
    plugin = load(OLD)
    status = users_file.stat()
    other = tmp_path / "other"
    other.write_text(NEW)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(users_file)
    advance(1)

    assert log_in(plugin, "alice", "correct horse") == Rejected("wrong password")


def test_a_link_that_is_turned_to_another_file_is_followed(
    load: Load, log_in: LogIn, advance: Advance, users_file: Path, tmp_path: Path
) -> None:
    """How Kubernetes changes a mounted secret."""
    (tmp_path / "old").write_text(OLD)
    (tmp_path / "new").write_text(NEW)
    plugin = load("")
    for name in ("old", "new"):
        users_file.unlink()
        users_file.symlink_to(tmp_path / name)
        advance(1)
        log_in(plugin, "alice", "x")

    assert log_in(plugin, "alice", "battery staple") == Identity(name="alice")


def break_text(path: Path) -> None:
    path.write_text("broken\n")


def turn_into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def turn_into_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("break_file", "problem"),
    [
        pytest.param(break_text, ":1: there is no colon; write `name:hash`", id="broken"),
        pytest.param(Path.unlink, ": No such file or directory", id="gone"),
        pytest.param(turn_into_a_folder, ": not a regular file", id="folder"),
        pytest.param(turn_into_a_pipe, ": not a regular file", id="pipe"),
    ],
)
def test_a_file_that_breaks_leaves_the_old_users_and_is_reported_once(
    break_file: Callable[[Path], None],
    problem: str,
    load: Load,
    log_in: LogIn,
    advance: Advance,
    users_file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A slip of the editor must lock nobody out, and a log must not fill with one line for each login."""
    plugin = load(OLD)
    caplog.clear()
    break_file(users_file)

    outcomes = []
    for _ in range(5):
        advance(1)
        outcomes.append(log_in(plugin, "alice", "correct horse"))

    assert outcomes == [Identity(name="alice")] * 5
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "gitgate.plugin.watched_file",
            "ERROR",
            f"what was read before stays in use, because the change cannot be: {users_file}{problem}",
        )
    ]


def test_a_file_that_is_mended_counts_again(load: Load, log_in: LogIn, advance: Advance, users_file: Path) -> None:
    """libpass does not try again after a load that failed, and stays with the old users for ever."""
    plugin = load(OLD)
    for content in ("broken\n", NEW):
        users_file.write_text(content)
        advance(1)
        log_in(plugin, "nobody", "x")

    assert log_in(plugin, "alice", "battery staple") == Identity(name="alice")


def test_groups_are_followed_and_a_broken_file_leaves_the_old_ones(
    load: Load, log_in: LogIn, advance: Advance, groups_file: Path, peer: Peer
) -> None:
    plugin = load(OLD, "devs: alice\n")
    seen = []
    for content in ("admins: alice\n", "broken\n"):
        groups_file.write_text(content)
        advance(1)
        seen.append(log_in(plugin, "alice", "correct horse"))

    assert seen == [Identity(name="alice", groups=frozenset({"admins"}))] * 2
