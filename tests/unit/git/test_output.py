"""What a short run of git prints, and its end where it does not end by itself."""

import time
from pathlib import Path
from typing import Any

import pytest
from reactor_fixtures import Run, TimeThatIsTold
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater

from gitgate.git.command import GitCommand
from gitgate.git.output import Output, output_of


def _git(folder: Path, script: str) -> GitCommand:
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return GitCommand(argv=(str(program),), environment={"PATH": "/usr/bin:/bin", "ODD": "\udcff"})


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_both_streams_and_the_exit_code_are_told(tmp_path: Path, running_reactor: Any, run: Run[Any]) -> None:
    command = _git(tmp_path, 'echo "$1 $ODD"; echo oh >&2; exit 3')
    assert run(output_of(command, ["config"], running_reactor)) == Output(out=b"config \xff\n", err=b"oh\n", code=3)


def test_who_prints_without_end_is_ended(tmp_path: Path, running_reactor: Any, run: Run[Any]) -> None:
    with pytest.raises(OSError, match="more than 1048576 bytes"):
        run(output_of(_git(tmp_path, "exec yes"), [], running_reactor))


def test_a_configuration_that_is_never_read_to_its_end_leaves_no_process(
    tmp_path: Path, running_reactor: Any, run: Run[Any]
) -> None:
    """`include.path` names a pipe; each push would leave a git that waits for its other end."""
    command = _git(
        tmp_path, f"echo $$ > '{tmp_path}/pid.new' && mv '{tmp_path}/pid.new' '{tmp_path}/pid'; exec sleep 600"
    )
    told = TimeThatIsTold(running_reactor)

    async def until_it_is_over() -> None:
        reading = ensureDeferred(output_of(command, [], told))
        while not (tmp_path / "pid").exists():
            await deferLater(running_reactor, 0.01)
        told.advance(10)
        await reading

    with pytest.raises(TimeoutError):
        run(until_it_is_over())
    give_up = time.monotonic() + 30
    while _is_running(int((tmp_path / "pid").read_text())):
        assert time.monotonic() < give_up
        running_reactor.iterate(0.01)
