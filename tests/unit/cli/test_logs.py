import json
import logging
import os
import subprocess
import sys

import pytest

from gitgate.cli.logs import JournalFormatter, JsonFormatter, TextFormatter, start_logging
from gitgate.config import LogSettings


def _record(message="hello", *values, name="gitgate.gateway", level=logging.INFO, error=None):
    exception = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord(name, level, "file.py", 1, message, values, exception)
    record.created, record.msecs = 1795428000.123, 123
    return record


def _raised(message):
    try:
        raise ValueError(message)
    except ValueError as error:
        return error


def test_a_line_says_when_how_bad_where_and_what():
    assert TextFormatter().format(_record("%d bytes", 5)) == "2026-11-23T10:00:00.123Z info gateway: 5 bytes"


def test_a_plugin_is_named_in_full():
    assert TextFormatter().format(_record(name="gitgate_rules.plugin")).split()[2] == "gitgate_rules.plugin:"


def test_a_client_cannot_write_a_line_of_its_own_into_the_log():
    """1. Somebody logs in as "x\\n2026-11-23T10:00:00Z info audit: admin ... completed". 2. The failed login is logged.
    3. Whoever reads the log, person or program, sees a line that gitgate never wrote."""
    line = TextFormatter().format(_record("login of %s failed", "x\n2026 info audit: admin\x1b[2J\u202e"))

    assert line.endswith("login of x\\n2026 info audit: admin\\x1b[2J\\u202e failed")


def test_a_traceback_stays_readable_below_its_line():
    lines = TextFormatter().format(_record(error=_raised("bad\x1bvalue"))).split("\n")

    assert lines[0] == "2026-11-23T10:00:00.123Z info gateway: hello"
    assert all(line.startswith("    ") for line in lines[1:])
    assert lines[-1] == "    ValueError: bad\\x1bvalue"


def test_json_has_one_object_in_a_line_with_the_traceback_in_it():
    line = JsonFormatter().format(_record("größe", error=_raised("two\nlines")))

    event = json.loads(line)
    assert "\n" not in line
    assert event.pop("exception").endswith("ValueError: two\nlines")
    assert event == {
        "time": "2026-11-23T10:00:00.123Z",
        "level": "info",
        "logger": "gateway",
        "message": "größe",
    }


def test_json_without_an_exception_has_no_field_for_it():
    assert set(json.loads(JsonFormatter().format(_record()))) == {"time", "level", "logger", "message"}


@pytest.mark.parametrize(
    ("level", "priority"), [("CRITICAL", 2), ("ERROR", 3), ("WARNING", 4), ("INFO", 6), ("DEBUG", 7)]
)
def test_journald_gets_a_priority_on_every_line(level, priority):
    record = _record(level=logging.getLevelNamesMapping()[level], error=_raised("x"))

    lines = JournalFormatter(TextFormatter()).format(record).split("\n")

    assert len(lines) > 2
    assert all(line.startswith(f"<{priority}>") for line in lines)


def test_values_that_do_not_fit_their_message_harm_nobody():
    assert (
        TextFormatter()
        .format(_record("%d bytes", "many"))
        .endswith("gateway: %d bytes (the values for this message do not fit)")
    )


@pytest.fixture
def log(tmp_path):
    """An open file to log to."""
    descriptor = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def test_what_is_below_the_level_is_not_written(log, tmp_path):
    start_logging(LogSettings(level="warning", format="json"), log)

    logging.getLogger("gitgate.x").info("no")
    logging.getLogger("gitgate.x").warning("yes")

    assert [json.loads(line)["message"] for line in (tmp_path / "log").read_text().splitlines()] == ["yes"]


def test_the_journal_is_recognised_by_its_device_and_inode(log, tmp_path):
    status = os.fstat(log)

    start_logging(LogSettings(), log, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    logging.getLogger("gitgate.x").info("to the journal")
    start_logging(LogSettings(), log, {"JOURNAL_STREAM": "1:2"})
    logging.getLogger("gitgate.x").info("elsewhere")

    assert [line[:2] for line in (tmp_path / "log").read_text().splitlines()] == ["<6", "20"]


def test_what_twisted_logs_goes_the_same_way_without_its_small_talk():
    program = """
from gitgate.cli.logs import start_logging, take_over_twisted
from gitgate.config import LogSettings
start_logging(LogSettings())
take_over_twisted()
from twisted.python import log
from twisted.internet.defer import fail
log.msg("Site starting on 8080")
log.err(ValueError("of log.err"))
fail(ValueError("of nobody"))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    said = [line.partition(" ")[2] for line in ran.stderr.splitlines() if not line.startswith("    ")]
    errors = [line for line in ran.stderr.splitlines() if line.startswith("    ValueError")]
    assert (ran.returncode, ran.stdout) == (0, "")
    assert said == [
        "critical twisted: Unhandled Error",
        "critical twisted: Unhandled error in Deferred:",
        "critical twisted: Unhandled error",
    ]
    assert errors == ["    ValueError: of log.err", "    ValueError: of nobody"]
