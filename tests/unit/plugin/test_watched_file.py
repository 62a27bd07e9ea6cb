"""WatchedFile and WatchedFiles: read again when changed, and never worse off than before."""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hand_clock import HandClock

from gitgate.plugin import WatchedFile, WatchedFiles


class Recorder:
    """Parses ASCII digits, and remembers what it was given."""

    def __init__(self) -> None:
        self.parsed: list[bytes] = []

    def __call__(self, content: bytes) -> int:
        self.parsed.append(content)
        return int(content)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def number(tmp_path: Path) -> Path:
    path = tmp_path / "number"
    path.write_bytes(b"1")
    return path


def replace(path: Path, content: bytes) -> None:
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.rename(path)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_file_is_parsed_once_while_it_does_not_change(number: Path, clock: HandClock) -> None:
    parse = Recorder()
    watched = WatchedFile(number, parse, clock=clock)

    values = []
    for _ in range(3):
        clock.now += 5
        values.append(watched.current())

    assert (values, parse.parsed) == ([1, 1, 1], [b"1"])


def test_a_change_is_seen_one_second_after_the_last_look(number: Path, clock: HandClock) -> None:
    watched = WatchedFile(number, int, clock=clock)
    replace(number, b"2")

    early = watched.current()
    clock.now += 0.99
    still_early = watched.current()
    clock.now += 0.01
    in_time = watched.current()
    replace(number, b"3")
    clock.now += 0.99
    early_again = watched.current()

    assert (early, still_early, in_time, early_again) == (1, 1, 2, 2)


def test_a_change_that_keeps_the_size_and_the_time_of_the_write_is_seen(number: Path, clock: HandClock) -> None:
    """A right is taken away with `cp -p before rights`: same inode, same size, and the time of the write is copied."""
    written = number.stat()
    watched = WatchedFile(number, int, clock=clock)
    number.write_bytes(b"2")
    os.utime(number, ns=(written.st_atime_ns, written.st_mtime_ns))
    while number.stat().st_ctime_ns == written.st_ctime_ns:  # the file system's clock ticks every few milliseconds
        os.utime(number, ns=(written.st_atime_ns, written.st_mtime_ns))

    clock.now += 1

    assert watched.current() == 2


def test_a_broken_change_keeps_the_old_value_and_is_logged_once(
    number: Path, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    parse = Recorder()
    watched = WatchedFile(number, parse, clock=clock)
    replace(number, b"x")

    values = []
    for _ in range(3):
        clock.now += 1
        values.append(watched.current())

    assert values == [1, 1, 1]
    assert parse.parsed == [b"1", b"x"]
    assert errors(caplog) == [
        "what was read before stays in use, because the change cannot be: invalid literal for int() with base 10: b'x'"
    ]


def test_another_error_is_logged_again(number: Path, clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    watched = WatchedFile(number, int, clock=clock)
    for content in (b"x", b"x", b"y"):
        replace(number, content)
        clock.now += 1
        watched.current()

    assert [message[-4:] for message in errors(caplog)] == ["b'x'", "b'y'"]


def test_a_folder_that_goes_away_keeps_the_old_value_and_each_time_is_logged(
    tmp_path: Path, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A file system is unmounted and mounted again, twice: the file comes back with the very stamps that it had."""
    folder, away = tmp_path / "folder", tmp_path / "away"
    folder.mkdir()
    (folder / "number").write_bytes(b"1")
    watched = WatchedFile(folder / "number", int, clock=clock)

    values = []
    for _ in range(2):
        folder.rename(away)
        for _ in range(2):
            clock.now += 1
            values.append(watched.current())
        away.rename(folder)
        clock.now += 1
        values.append(watched.current())

    assert values == [1] * 6
    assert (
        errors(caplog)
        == [
            "what was read before stays in use, because the change cannot be: "
            f"{folder / 'number'}: No such file or directory"
        ]
        * 2
    )


def test_at_construction_the_errors_are_the_callers(tmp_path: Path, number: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No such file"):
        WatchedFile(tmp_path / "missing", int)
    number.write_bytes(b"x")
    with pytest.raises(ValueError, match="invalid literal"):
        WatchedFile(number, int)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["named pipe", "folder"])
def test_what_is_not_a_regular_file_is_refused_instead_of_waited_for(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """A named pipe lies where the file was: opening it would wait for a writer, with the plugin's threads."""
    path = tmp_path / "number"
    make(path)

    with pytest.raises(OSError, match="not a regular file") as caught:
        WatchedFile(path, int)

    assert caught.value.filename == str(path)


def test_a_symbolic_link_that_is_pointed_elsewhere_is_read_again(tmp_path: Path, clock: HandClock) -> None:
    """Kubernetes changes a mounted ConfigMap by moving a link."""
    for name in ("1", "2"):
        (tmp_path / name).write_text(name)
    link = tmp_path / "link"
    link.symlink_to("1")
    watched = WatchedFile(link, int, clock=clock)
    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").rename(link)

    clock.now += 1

    assert watched.current() == 2


def test_files_that_come_and_go_are_seen(tmp_path: Path, clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def names(contents: Mapping[Path, bytes]) -> dict[str, bytes]:
        return {path.name: content for path, content in contents.items()}

    (tmp_path / "a").write_bytes(b"1")
    watched = WatchedFiles(lambda: sorted(tmp_path.iterdir()), names, clock=clock)
    seen = [watched.current()]
    (tmp_path / "b").write_bytes(b"2")
    clock.now += 1
    seen.append(watched.current())
    (tmp_path / "a").unlink()
    clock.now += 1
    seen.append(watched.current())
    (tmp_path / "b").unlink()
    clock.now += 1
    seen.append(watched.current())

    assert seen == [{"a": b"1"}, {"a": b"1", "b": b"2"}, {"b": b"2"}, {}]
    assert [record.getMessage() for record in caplog.records] == [
        f"read again: {tmp_path / 'a'}, {tmp_path / 'b'}",
        f"read again: {tmp_path / 'b'}",
        "read again: no files",
    ]


def test_control_characters_of_a_file_name_do_not_reach_the_log(
    tmp_path: Path, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A file named with a line feed and a forged log line is dropped into a watched folder."""
    caplog.set_level(logging.INFO)
    watched = WatchedFiles(lambda: sorted(tmp_path.iterdir()), len, clock=clock)
    (tmp_path / "a\nERROR forged").touch()

    clock.now += 1
    watched.current()

    forged = str(tmp_path / "a\nERROR forged")
    assert [record.getMessage() for record in caplog.records] == [f"read again: {forged!r}"]


def test_while_one_thread_reads_the_others_do_not_wait(number: Path, clock: HandClock) -> None:
    """The file lies on a network file system that hangs: one thread waits for it, and logins go on."""
    reading, go_on = threading.Event(), threading.Event()

    def slow(content: bytes) -> int:
        if content == b"2":
            reading.set()
            assert go_on.wait(timeout=60)
        return int(content)

    watched = WatchedFile(number, slow, clock=clock)
    replace(number, b"2")
    clock.now += 1
    first: list[int] = []
    thread = threading.Thread(target=lambda: first.append(watched.current()))
    thread.start()
    assert reading.wait(timeout=60)
    clock.now += 1

    meanwhile = watched.current()

    go_on.set()
    thread.join(timeout=60)
    assert (meanwhile, first, watched.current()) == (1, [2], 2)
