"""Runs commands of gitgate one after the other, for what takes long to import is imported once for all of them.

Reads the commands as a JSON array of arrays of words; writes the array of [exit code, standard output, standard error].
Each runs in a process of its own, as the reactor of a process runs once: in a copy of this one, with a new reactor.
"""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

import twisted.internet

import gitgate.cli
import gitgate.config
import gitgate.explanation
import gitgate.server


def run(words: list[str]) -> tuple[int, str, str]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            _command(words)
        status = os.waitpid(child, 0)[1]
        said = []
        for file in (out, errors):
            file.seek(0)
            said.append(file.read().decode())
    return os.waitstatus_to_exitcode(status), said[0], said[1]


def _command(words: list[str]) -> None:
    code = 70
    try:
        del sys.modules["twisted.internet.reactor"], twisted.internet.reactor  # type: ignore[attr-defined]
        sys.argv[1:] = words
        gitgate.cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


# It imports the plugins, and keeps what was made of their settings' types.
with contextlib.suppress(gitgate.config.ConfigError):
    gitgate.config.load(Path(os.environ["GITGATE_CONFIG"]))
json.dump([run(words) for words in json.load(sys.stdin)], sys.stdout)
