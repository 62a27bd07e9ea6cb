"""Finds files that the configuration names, and that others can change, or read though they are secret."""

import dataclasses
import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gitgate.cli.dangers import Danger
from gitgate.config import Config
from gitgate.config.problems import KeyPath


def loose_files(config: Config, file: Path) -> Iterator[Danger]:
    """One danger for each; `file` is the configuration's own. What is not there is no danger."""
    base = file.absolute().parent
    told: set[str] = set()
    for keys, path, is_secret in _named(config, file.absolute(), base):
        for text in (*_writable(path), *(_readable(path) if is_secret else ())):
            if text not in told:
                told.add(text)
                yield Danger(keys, text)


def _named(config: Config, file: Path, base: Path) -> Iterator[tuple[KeyPath, Path, bool]]:
    """The places in the configuration, the paths that stand there, and whether nobody else should read them."""
    yield (), file, False
    for written in config.references.values():
        if "$file" in written:
            yield (), base / written["$file"], True
    for index, listener in enumerate(config.listen):
        if listener.tls is not None:
            yield ("listen", index, "tls", "certificate"), listener.tls.certificate, False
            yield ("listen", index, "tls", "key"), listener.tls.key, True
    for index, entry in enumerate(config.plugins):
        for keys, path in _paths(entry.settings, ("plugins", index)):
            yield keys, path, False


def _paths(settings: Any, keys: KeyPath) -> Iterator[tuple[KeyPath, Path]]:
    """The paths in settings of any kind, and the key of each."""
    inner: Mapping[Any, Any] = {}
    match settings:
        case Path():
            yield keys, settings
        case Mapping():
            inner = settings
        case list() | tuple():
            inner = dict(enumerate(settings))
        case BaseModel():
            inner = dict(settings)
        case _ if dataclasses.is_dataclass(settings):
            inner = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    for key, value in inner.items():
        yield from _paths(value, (*keys, key if isinstance(key, int) else str(key)))


def _writable(path: Path) -> Iterator[str]:
    """Who else can change the file, or what stands in the folder."""
    status = _status(path)
    if status is None:
        return
    mode, what = stat.S_IMODE(status.st_mode), "in this folder" if stat.S_ISDIR(status.st_mode) else "this file"
    if mode & stat.S_IWOTH:
        yield f"{path}: everybody on this machine may write {what} (mode {mode:04o}); run: {_chmod('o-w', path)}"
    elif mode & stat.S_IWGRP and stat.S_ISREG(status.st_mode) and (group := _shared_group(status)):
        yield f"{path}: the group {group} may write {what} (mode {mode:04o}); if not so meant: {_chmod('g-w', path)}"
    folder = _status(path.parent)
    # In a folder such as /tmp, nobody can put another file in the place of one that is not their own.
    if folder is not None and folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        yield f"{path.parent}: everybody on this machine may replace files here; run: {_chmod('o-w', path.parent)}"


def _readable(path: Path) -> Iterator[str]:
    status = _status(path)
    if status is not None and status.st_mode & stat.S_IROTH:
        mode = stat.S_IMODE(status.st_mode)
        yield f"{path}: everybody on this machine may read this secret (mode {mode:04o}); run: {_chmod('o-r', path)}"


def _chmod(change: str, path: Path) -> str:
    return f"chmod {change} {shlex.quote(str(path))}"


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _shared_group(status: os.stat_result) -> str | None:
    """The name of the file's group, where somebody besides the file's owner and root is in it."""
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return None
    users = pwd.getpwall()
    members = {*group.gr_mem, *(user.pw_name for user in users if user.pw_gid == status.st_gid)}
    owners = {user.pw_name for user in users if user.pw_uid in (0, status.st_uid)}
    return group.gr_name if members - owners else None
