"""A folder of repositories served as GitServerGlue did: no configuration, and three files beside the repositories.

.htpasswd    passwords
.rsakeys     ssh keys: `user: ssh-ed25519 AAAA...`
.repoperms   rights: `[repository]`, and below it `user = rw`
"""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import gitgate_authorized_keys
import gitgate_htpasswd
import gitgate_repoperms
import gitgate_rules
import gitgate_tree

from gitgate.config import Config, ConfigError, Listener, PluginEntry, Problem
from gitgate.plugin import Transport

_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the doors of a folder are; 0 is any free port."""

    ssh: int = 5522
    http: int = 8080
    git: int = 9418


@dataclass(frozen=True, slots=True)
class ServedDirectory:
    """How a folder is served, and what the person who serves it should know."""

    config: Config
    notes: tuple[str, ...]


def serve_directory(
    directory: Path, ports: Ports, *, host_keys: tuple[Path, ...] = (), loopback: bool = False
) -> ServedDirectory:
    """How `directory` is served, by the files that are in it. Raises `ConfigError` where it cannot be listed.

    Without any of the three files everybody may read, and only on this machine; with `loopback`, only this machine has
    access in any case. Without `host_keys`, those in gitgate's state directory are used.
    """
    root = directory.absolute()
    try:
        # The names, not what they lead to: a link to a lost .htpasswd must not open the folder to everybody.
        files = {".htpasswd", ".rsakeys", ".repoperms"} & set(os.listdir(root))
    except OSError as error:
        raise ConfigError([Problem(None, (), f"{root}: {error.strerror}")]) from error
    address = every_address() if files and not loopback else _LOOPBACK
    config = Config(
        listen=(
            Listener(transport=Transport.SSH, address=address, port=ports.ssh, host_keys=host_keys),
            Listener(transport=Transport.HTTP, address=address, port=ports.http),
            Listener(transport=Transport.GIT, address=address, port=ports.git),
        ),
        plugins=tuple(_plugins(root, files)),
    )
    return ServedDirectory(config, tuple(_notes(root, files)))


def every_address() -> str:
    """`::` where that takes IPv4 as well (RFC 3493 section 5.3), else 0.0.0.0."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            if probe.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0:
                probe.bind(("::", 0))
                return "::"
    except OSError:
        pass  # a machine without IPv6
    return "0.0.0.0"  # noqa: S104 - as GitServerGlue did, and only where somebody has said who may do what


def _plugins(root: Path, files: set[str]) -> Iterator[PluginEntry]:
    if ".htpasswd" in files:
        passwords = gitgate_htpasswd.HtpasswdSettings(file=root / ".htpasswd")
        yield PluginEntry(use="htpasswd", plugin_class=gitgate_htpasswd.HtpasswdPlugin, settings=passwords)
    if ".rsakeys" in files:
        keys = gitgate_authorized_keys.Settings(file=root / ".rsakeys")
        yield PluginEntry(
            use="authorized-keys", plugin_class=gitgate_authorized_keys.AuthorizedKeysPlugin, settings=keys
        )
    if ".repoperms" in files:
        rights = gitgate_repoperms.Settings(file=root / ".repoperms")
        yield PluginEntry(use="repoperms", plugin_class=gitgate_repoperms.RepopermsPlugin, settings=rights)
    if not files:
        everybody_reads = gitgate_rules.Rule(
            name="everybody on this machine reads", repos=("**",), who=("everyone",), allow=("read",)
        )
        rules = gitgate_rules.RulesSettings(rules=(everybody_reads,))
        yield PluginEntry(use="rules", plugin_class=gitgate_rules.RulesPlugin, settings=rules)
    yield PluginEntry(use="tree", plugin_class=gitgate_tree.TreePlugin, settings=gitgate_tree.TreeSettings(root=root))


def _notes(root: Path, files: set[str]) -> Iterator[str]:
    if not files:
        yield "Everybody on this machine may read, and nobody may push: there is no .htpasswd, .rsakeys or .repoperms."
        return
    if ".repoperms" not in files:
        yield f"NOBODY MAY DO ANYTHING: there is no {root / '.repoperms'}. Write into it, for each repository:"
        yield "    [REPOSITORY]"
        yield "    USER = rw"
    if not files & {".htpasswd", ".rsakeys"}:
        yield "Nobody can log in, and only what `anonymous` may is served: there is no .htpasswd and no .rsakeys."
