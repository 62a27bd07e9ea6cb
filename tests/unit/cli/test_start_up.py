import logging
import subprocess
import sys

import click
import pytest

from gitgate.cli import gitgate, main


def _commands(group, path=()):
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], *([*path, "--help"] for path in _commands(gitgate))])
def test_to_ask_for_the_version_or_help_imports_nothing_heavy(arguments):
    program = f"""
import sys
sys.argv = ["gitgate", *{arguments!r}]
import atexit
heavy = {{"twisted", "pydantic", "yaml", "pluggy", "cryptography", "passlib", "bcrypt", "subprocess"}}
atexit.register(lambda: print("imported:", sorted(heavy & set(sys.modules))))
from gitgate.cli import main
main()
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith("imported: []\n")


def test_the_version_is_one_line():
    ran = subprocess.run([sys.executable, "-m", "gitgate", "--version"], capture_output=True, text=True)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "gitgate 0.1.0\n", "")


def test_every_command_has_a_short_help_that_is_not_cut_off():
    for path in _commands(gitgate):
        command = gitgate
        for name in path:
            command = command.commands[name]
        assert command.get_short_help_str(60).endswith("."), path
        assert "..." not in command.get_short_help_str(60), path


def test_a_bug_ends_with_its_own_code_and_a_traceback_in_the_log(monkeypatch, capfd):
    def broken(**options):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(gitgate, "main", broken)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    with pytest.raises(SystemExit) as ended:
        main()

    printed = capfd.readouterr()
    assert (ended.value.code, printed.out) == (70, "")
    assert printed.err.splitlines()[0].endswith("a bug, in gitgate or in a plugin; please report these lines")
    assert printed.err.endswith("    ZeroDivisionError: a bug\n")
