"""The file of the audit log: whole lines, whatever happens to it, and never a wait."""

import fcntl
import json
import logging
import os
import select
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from gitgate.audit_json import json_line
from gitgate.audit_log import AuditLog, AuditLogUnusable
from gitgate.plugin import AuditRecord, Verdict
from gitgate.testing import a_peer

RECORD = AuditRecord(
    time=datetime(2026, 11, 23, tzinfo=UTC),
    request_id="",
    peer=a_peer(),
    verdict=Verdict.COMPLETED,
    reason="",
    duration_seconds=0,
)


def record(name: object, reason: str = "") -> AuditRecord:
    """A record that is found again by its request id."""
    return replace(RECORD, request_id=str(name), reason=reason)


def names(content: bytes) -> list[str]:
    """The request ids of the records, all of whose lines are whole."""
    assert content.endswith(b"\n")
    return [json.loads(line)["request_id"] for line in content.splitlines()]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def opened(clock: Clock) -> Iterator[Callable[[Path | None], AuditLog]]:
    """Opens a log, and closes it in the end."""
    logs: list[AuditLog] = []

    def open_one(file: Path | None) -> AuditLog:
        logs.append(AuditLog(file, clock.seconds))
        logs[-1].open()
        return logs[-1]

    yield open_one
    for log in logs:
        log.close()


Opened = Callable[[Path | None], AuditLog]


def test_each_record_is_a_line_at_once(opened: Opened, file: Path) -> None:
    log = opened(file)

    log.write(record(1))
    log.write(record(2))

    assert file.read_bytes() == json_line(record(1)) + json_line(record(2))


def test_the_file_is_there_from_the_start_and_nobody_else_may_read_it(opened: Opened, file: Path) -> None:
    opened(file)

    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"", 0o600)


def test_what_is_in_the_file_stays_with_the_rights_that_it_has(opened: Opened, file: Path) -> None:
    file.write_bytes(json_line(record("old")))
    file.chmod(0o640)

    opened(file).write(record("new"))

    assert (names(file.read_bytes()), file.stat().st_mode & 0o777) == (["old", "new"], 0o640)


def test_half_a_line_of_a_process_that_was_killed_does_not_spoil_the_next_one(opened: Opened, file: Path) -> None:
    file.write_bytes(b'{"time":"2026')

    opened(file).write(record(1))

    assert file.read_bytes() == b'{"time":"2026\n' + json_line(record(1))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda file: file.mkdir(), "Is a directory"),
        (lambda file: file.symlink_to("nowhere/audit.jsonl"), "No such file or directory"),
        (lambda file: os.mkfifo(file), "No such device or address"),  # a pipe that nobody reads is not waited for
    ],
)
def test_what_cannot_be_opened_is_told_with_its_name(file: Path, make: Callable[[Path], None], why: str) -> None:
    make(file)

    with pytest.raises(AuditLogUnusable) as caught:
        AuditLog(file).open()

    assert str(caught.value) == f"cannot open the audit log {file}: {why}"


def test_after_a_rename_the_file_is_made_anew_within_a_second(opened: Opened, file: Path, clock: Clock) -> None:
    """As logrotate does it, once in a day. Until it is noticed, records still go to the file that was renamed."""
    log = opened(file)
    log.write(record(1))

    rotated = file.rename(file.with_suffix(".1"))
    clock.advance(0.5)
    log.write(record(2))
    clock.advance(0.5)
    log.write(record(3))

    assert (names(rotated.read_bytes()), names(file.read_bytes())) == (["1", "2"], ["3"])
    assert (file.stat().st_mode & 0o777, log.lost) == (0o600, 0)


def test_after_a_rename_a_file_that_somebody_else_made_is_used(opened: Opened, file: Path, clock: Clock) -> None:
    log = opened(file)

    file.rename(file.with_suffix(".1"))
    file.touch(0o640)
    clock.advance(1)
    log.write(record(1))

    assert (names(file.read_bytes()), file.stat().st_mode & 0o777) == (["1"], 0o640)


def test_a_file_that_was_removed_is_made_anew(opened: Opened, file: Path, clock: Clock) -> None:
    log = opened(file)

    file.unlink()
    clock.advance(1)
    log.write(record(1))

    assert names(file.read_bytes()) == ["1"]


def test_a_folder_that_was_removed_loses_records_until_it_is_back(
    opened: Opened, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    file = folder / "audit.jsonl"
    log = opened(file)

    file.unlink()
    folder.rmdir()
    clock.advance(1)
    log.write(record(1))
    log.write(record(2))
    folder.mkdir()
    log.write(record(3))

    assert (names(file.read_bytes()), log.lost) == (["3"], 2)
    assert [(entry.levelname, entry.getMessage()) for entry in caplog.records] == [
        ("ERROR", f"the audit log {file} cannot be written, and records are lost: No such file or directory"),
        ("WARNING", f"the audit log {file} is written again; records that were lost: 2"),
    ]


def test_a_full_disk_is_told_once_and_counted(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    """1. Somebody fills the disk of the audit log. 2. To write a record fails, and with it the request; or it is logged
    for each of a thousand requests, and so fills the disk of the log as well."""
    log = opened(Path("/dev/full"))

    for number in range(1000):
        log.write(record(number))
    log.close()

    assert log.lost == 1000
    assert [(entry.levelno, entry.getMessage()) for entry in caplog.records] == [
        (logging.ERROR, "the audit log /dev/full cannot be written, and records are lost: No space left on device"),
        (logging.ERROR, "the audit log /dev/full is closed; records that were lost: 1000"),
    ]


def test_a_record_that_comes_after_the_end_is_written_all_the_same(opened: Opened, file: Path) -> None:
    log = opened(file)

    log.close()
    log.write(record(1))

    assert names(file.read_bytes()) == ["1"]


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """A pipe in place of standard output: the end to read from, and the other one."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "__stdout__", stdout)
        yield reading, writing
    try:
        os.close(reading)
    except OSError:
        pass  # the test has closed it


def drain(reading: int) -> bytes:
    """All that is in a pipe now."""
    os.set_blocking(reading, False)
    content = b""
    try:
        while piece := os.read(reading, 65536):
            content += piece
    except BlockingIOError:
        pass
    return content


def test_standard_output_gets_the_same_lines_and_stays_open(opened: Opened, pipe: tuple[int, int]) -> None:
    log = opened(None)

    log.write(record(1))
    log.close()

    assert (drain(pipe[0]), os.get_blocking(pipe[1])) == (json_line(record(1)), True)


@pytest.mark.parametrize("length", [10, 4000, 4096])
def test_a_reader_that_stands_still_costs_records_and_no_time(
    opened: Opened, pipe: tuple[int, int], length: int, caplog: pytest.LogCaptureFixture
) -> None:
    """1. The process that reads the audit log from a pipe hangs. 2. The pipe is full. 3. The next write waits for it,
    and with it the one thread that serves everybody. (Here the test would never end.)"""
    log = opened(None)

    for number in range(1000):
        log.write(record(number, "x" * length))
    lost = log.lost
    before = drain(pipe[0])
    log.write(record("after"))
    read = names(before + drain(pipe[0]))

    # A line of which a part was in the pipe already is whole in the end.
    assert read == [*(str(number) for number in range(1000 - lost)), "after"]
    assert 0 < lost == log.lost < 1000
    assert [entry.getMessage().partition("; ")[2] for entry in caplog.records] == [
        "",
        f"records that were lost: {lost}",
    ]


def test_a_reader_that_has_gone_costs_records_and_no_error(opened: Opened, pipe: tuple[int, int]) -> None:
    log = opened(None)

    os.close(pipe[0])
    log.write(record(1))
    log.write(record(2))

    assert log.lost == 2


def test_half_a_line_that_nobody_reads_is_a_lost_record(opened: Opened, pipe: tuple[int, int]) -> None:
    fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, select.PIPE_BUF)
    log = opened(None)

    log.write(record("long", "x" * 4096))
    begun = (drain(pipe[0]), log.lost)
    os.close(pipe[0])
    log.close()

    assert begun == (json_line(record("long", "x" * 4096))[: select.PIPE_BUF], 0)
    assert log.lost == 1


def test_standard_output_that_was_closed_before_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """1. gitgate is started with `>&-`. 2. Descriptor 1 becomes the next file or connection that is opened. 3. Records
    go there: into somebody's clone."""
    monkeypatch.setattr(sys, "__stdout__", None)

    with pytest.raises(AuditLogUnusable) as caught:
        AuditLog(None).open()

    assert str(caught.value) == "cannot open the audit log standard output: it is closed"
