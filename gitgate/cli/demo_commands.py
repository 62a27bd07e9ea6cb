"""The commands with which people try the demo; they can be pasted into a shell as they are."""

import shlex
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from gitgate.cli.demo_folder import USER, Demo
from gitgate.plugin import Transport
from gitgate.server import Door

#: Before a command. Words stand at the margin, as zsh knows no comments at its prompt.
_INDENT: Final = "    "


def demo_commands(demo: Demo, doors: Sequence[Door]) -> list[str]:
    """Lines for a person: for each transport a clone, a push, and a push that is refused.

    Writes the `known_hosts` with which ssh knows this server, now that its port is known.
    """
    urls = {door.listener.transport: urlsplit(door.url) for door in doors}
    ssh, http, git = (urls[transport] for transport in (Transport.SSH, Transport.HTTP, Transport.GIT))
    demo.known_hosts.write_text(f"[{ssh.hostname}]:{ssh.port} {demo.host_public_key}\n", encoding="ascii")
    return [
        "",
        f"The user is {USER}, with the password {demo.password}. In another terminal, in an empty folder, try",
        *_with_login("http", f"http://{USER}:{demo.password}@{http.netloc}", ""),
        *_with_login("ssh", f"ssh://{USER}@{ssh.netloc}", f"GIT_SSH_COMMAND={shlex.quote(_ssh(demo))} "),
        "over git, which knows no logins:",
        f"{_INDENT}git clone {git.geturl()}/hello.git hello-git",
        "and to be refused, as nobody may push without a login:",
        f"{_INDENT}git -C hello-git push {git.geturl()}/hello.git HEAD:refs/heads/over-git",
        "",
        "Ctrl-C ends the demo.",
    ]


def _with_login(kind: str, url: str, before: str) -> list[str]:
    clone = f"hello-{kind}"
    author = "-c user.name=Demo -c user.email=demo@localhost"
    return [
        f"over {kind}:",
        f"{_INDENT}{before}git clone {url}/hello.git {clone}",
        f"{_INDENT}git -C {clone} {author} commit --quiet --allow-empty -m 'Hello over {kind}'",
        f"{_INDENT}{before}git -C {clone} push origin HEAD:refs/heads/over-{kind}",
        f"and to be refused, as {USER} may only read the handbook:",
        f"{_INDENT}{before}git -C {clone} push {url}/handbook.git HEAD:refs/heads/over-{kind}",
    ]


def _ssh(demo: Demo) -> str:
    known_hosts = str(demo.known_hosts)
    if " " in known_hosts:  # ssh splits this option at blanks, unless it is quoted for ssh as well
        known_hosts = f'"{known_hosts}"'
    options = ["-i", str(demo.user_key), "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={known_hosts}"]
    return shlex.join(["ssh", *options])
