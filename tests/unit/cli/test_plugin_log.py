"""What an operator sees of a plugin's log, and what nobody sees."""

import json
import logging
from typing import Any

import pytest

from gitgate.cli.plugin_log import PluginLog
from gitgate.config import PluginEntry

PLUGIN = logging.getLogger("gitgate_corp.search")


class Plugin:
    __module__ = "gitgate_corp.plugin"


class Other:
    __module__ = "gitgate_other"


def a_log(*secrets: str) -> PluginLog:
    entries = [PluginEntry(use="corp", plugin_class=Plugin), PluginEntry(use="other", plugin_class=Other)]
    return PluginLog(entries, secrets)


def test_the_lines_are_those_of_the_plugins_own_modules() -> None:
    log = a_log()
    with log.attached():
        PLUGIN.debug("found %d entries", 1)
        logging.getLogger("gitgate_other").info("a task of another one's")
        logging.getLogger("gitgate_corporation").warning("another package")
        logging.getLogger("ldap3").warning("a library")
        logging.getLogger("gitgate.plugin_chain").warning("gitgate")
    PLUGIN.warning("too late")

    assert (log.take("corp"), log.take("corp")) == (["found 1 entries"], [])


def test_nothing_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    top = logging.getLogger("gitgate_corp")
    before = (top.level, top.propagate, top.handlers[:])
    with a_log().attached():
        PLUGIN.error("seen by the operator, and not in the log as well")

    assert (top.level, top.propagate, top.handlers) == before
    assert caplog.messages == []


@pytest.mark.parametrize("secret", ["sesame", "quo'te\"d", "back\\slash", "gr\u00fcn", "x"])
def test_a_plugin_that_logs_the_password_shows_it_to_nobody(secret: str) -> None:
    """1. A plugin's author leaves a debugging line in, with the password as it is, quoted, or as JSON. 2. An operator
    runs `gitgate login-test` with a user looking on, or pastes its output into a ticket."""
    log = a_log(secret)
    with log.attached():
        for line in (f"bind {secret}", f"bind {secret!r}", f"body {json.dumps({'p': secret})}"):
            PLUGIN.debug(line.replace("%", "%%"))
        PLUGIN.debug("bind %r", (secret,))

    assert log.take("corp") == ["(a line that holds the password is not shown)"] * 4


def test_an_empty_password_hides_nothing() -> None:
    log = a_log("")
    with log.attached():
        PLUGIN.debug("refused before any packet")

    assert log.take("corp") == ["refused before any packet"]


def test_a_line_is_safe_to_show_and_a_mistake_in_it_harms_nobody() -> None:
    log = a_log()
    values: Any = ("one", "two")
    with log.attached():
        PLUGIN.debug("\x1b[2Jcleared\n")
        PLUGIN.debug("%d entries", *values)

    assert log.take("corp") == ["\\x1b[2Jcleared", "%d entries"]


def test_a_plugin_in_a_module_of_its_own_is_one_package() -> None:
    log = PluginLog([PluginEntry(use="corp", plugin_class=type("Plugin", (), {"__module__": "single"}))])
    with log.attached():
        logging.getLogger("single").debug("alone")

    assert log.take("corp") == ["alone"]
