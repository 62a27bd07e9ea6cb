"""What `gitgate check` finds out about a configuration."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from twisted.internet import reactor as _reactor

from gitgate.cli import logs
from gitgate.cli.dangers import dangers
from gitgate.cli.loose_files import loose_files
from gitgate.config import Config, ConfigError, Listener, LogSettings, Problem, load
from gitgate.config.problems import KeyPath, Position
from gitgate.config.yaml_document import YamlDocument, decode
from gitgate.git.installed import NoGit, find_git
from gitgate.plugin_chain import PluginChain
from gitgate.plugin_registration import PluginUnsuitable
from gitgate.server import members
from gitgate.transports.ssh.host_keys import HostKeyUnusable, load_host_keys
from gitgate.transports.tls import ServerCertificate, TlsFilesUnusable


@dataclass(slots=True)
class Findings:
    """What works, a line for each; every problem, and every warning, with its place in the file.

    `logged` counts what plugins have warned of in the log while they were built.
    """

    fine: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    logged: int = 0


def findings(file: Path) -> Findings:
    """What can be known without opening a door. Raises `ConfigError` where the file itself cannot be read as one."""
    logs.start_logging(LogSettings(level="warning"))  # what plugins warn of while they are built
    counter = _Counter()
    logging.getLogger().addHandler(counter)
    config = load(file)
    found = Findings()
    place = _places(file)
    _look_at_git(config, found, place)
    for index, listener in enumerate(config.listen):
        _look_at_listener(listener, ("listen", index), found, place)
    _look_at_audit_log(config, found, place)
    _look_at_plugins(config, found, place)
    for danger in loose_files(config, file):
        found.warnings.append(place(danger.keys, danger.text))
    for kind in (found.problems, found.warnings):
        kind.sort(key=lambda problem: problem.position or _START)
    found.logged = counter.count
    return found


class _Counter(logging.Handler):
    """Counts what is logged as a warning, or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count it."""
        self.count += 1


#: What has no place in the file comes first.
_START: Final = Position("", 0, 0)

#: Makes a problem of a place in the file and a message.
_Place = Callable[[KeyPath, str], Problem]


def _places(file: Path) -> _Place:
    document = YamlDocument(decode(file.read_bytes(), str(file)), str(file))
    return lambda keys, message: Problem(document.position(keys), keys, message)


def _look_at_git(config: Config, found: Findings, place: _Place) -> None:
    try:
        git = find_git(config.git.executable, os.environ.get("PATH", os.defpath))
    except NoGit as error:
        found.problems.append(place(("git", "executable"), str(error)))
    else:
        found.fine.append(f"git      {git}")


def _look_at_audit_log(config: Config, found: Findings, place: _Place) -> None:
    file = config.audit.file
    if file is None or file == "-":
        return
    # Whether it can be written is known, up to a read-only disk, without making it.
    if file.is_dir():
        problem = "is a folder"
    elif not file.exists() and not file.parent.is_dir():
        problem = "the folder for it does not exist"
    elif not os.access(file if file.exists() else file.parent, os.W_OK):
        problem = "may not be written"
    else:
        found.fine.append(f"audit    {file}")
        return
    found.problems.append(place(("audit", "file"), f"{file}: {problem}"))


def _look_at_listener(listener: Listener, keys: KeyPath, found: Findings, place: _Place) -> None:
    problems = list(_problems_of_listener(listener, keys, place))
    missing = [str(path) for path in listener.host_keys if not os.path.lexists(path)]
    note = f"; will be made on first start: {', '.join(missing)}" if missing else ""
    if not problems:
        found.fine.append(f"listen   {listener.url}{note}")
    found.problems.extend(problems)


def _problems_of_listener(listener: Listener, keys: KeyPath, place: _Place) -> Iterator[Problem]:
    for index, path in enumerate(listener.host_keys):
        if os.path.lexists(path):  # one that is missing would be made
            try:
                load_host_keys((path,))
            except HostKeyUnusable as error:
                yield place((*keys, "host_keys", index), str(error))
    if listener.socket is not None and not listener.socket.parent.is_dir():
        yield place((*keys, "url"), f"{listener.socket}: the folder for it does not exist")
    if listener.tls is not None:
        told: list[str] = []
        try:
            ServerCertificate(listener.tls.certificate, listener.tls.key, tell=told.append)
        except TlsFilesUnusable as error:
            yield place((*keys, "tls"), str(error))
        for text in told:
            yield place((*keys, "tls", "certificate"), text)


def _look_at_plugins(config: Config, found: Findings, place: _Place) -> None:
    try:
        built = members(config)
    except ConfigError as error:
        found.problems.extend(error.problems)
        return
    try:
        chain = PluginChain(built, cast(Any, _reactor))  # it starts nothing
    except PluginUnsuitable as error:
        index = next(i for i, member in enumerate(built) if member.name == error.plugin)
        found.problems.append(place(("plugins", index), error.why))
        return
    found.fine.extend(f"plugin   {entry.name}" for entry in config.plugins)
    found.warnings.extend(place(danger.keys, danger.text) for danger in dangers(config, chain.accepted))
