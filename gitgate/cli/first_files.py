"""The files that `gitgate init` writes: a configuration that works, and all that it names."""

import os
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitgate.cli.configuration_file import FILE_NAME
from gitgate.cli.repositories import make_repository
from gitgate.cli.stops import NotDone, Unavailable
from gitgate.git.installed import find_git
from gitgate.transports.ssh.host_keys import load_host_keys

_HOST_KEYS: Final = ("ssh_host_ed25519_key", "ssh_host_rsa_key")

_CONFIGURATION: Final = """\
# Made by `gitgate init`. `gitgate config example` explains every key; after a change, `gitgate check` tells what is
# wrong with it. Paths start at the folder of this file.
version: 1

listen:
  - url: ssh://0.0.0.0:5522
    host_keys: [ssh_host_ed25519_key, ssh_host_rsa_key]
  # Over http, passwords can be read on the way. So it is for this machine only: for a proxy that does TLS, or for
  # trying things out. For everybody:
  #   - url: https://0.0.0.0:8443
  #     tls: {certificate: tls.crt, key: tls.key}
  - url: http://127.0.0.1:8080

plugins: # asked from top to bottom; the first that decides, decides
  # Passwords: `gitgate passwd users.htpasswd alice`
  - use: htpasswd
    file: users.htpasswd

  # ssh keys, one in a line: `alice: ssh-ed25519 AAAA...`
  - use: authorized-keys
    file: users.keys

  # Who may do what: the first rule that matches. What no rule allows is denied.
  - use: rules
    rules:
      - {repos: ["**"], who: [authenticated], allow: [read, write]}

  # Where the repositories are: `git init --bare repositories/NAME.git` makes one.
  - use: tree
    root: repositories
"""

_KEYS: Final = "# One ssh public key in a line, with its user before it: `alice: ssh-ed25519 AAAA... alice@laptop`\n"


@dataclass(frozen=True, slots=True)
class FirstFiles:
    """Where they are."""

    configuration: Path
    passwords: Path
    repository: Path


def write_first_files(directory: Path) -> FirstFiles:
    """All of them in `directory`, or none: raises `Stop` where one exists already. Raises `NoGit`."""
    git = find_git(None, os.environ.get("PATH", os.defpath))
    try:
        with ExitStack() as undo:
            if not directory.exists():
                directory.mkdir(parents=True)
                undo.callback(directory.rmdir)
            made = Path(tempfile.mkdtemp(prefix=".gitgate-init-", dir=directory))
            undo.callback(shutil.rmtree, made)
            _write(made, git)
            _move(made, directory, undo)
            undo.pop_all()
            made.rmdir()
    except FileExistsError as error:
        raise NotDone(
            f"gitgate: {error.filename} exists already, so nothing was written; choose another folder"
        ) from None
    except OSError as error:
        raise Unavailable(f"gitgate: {error.filename or directory}: {error.strerror}") from None
    return FirstFiles(directory / FILE_NAME, directory / "users.htpasswd", directory / "repositories" / "hello.git")


def _write(made: Path, git: Path) -> None:
    (made / FILE_NAME).write_text(_CONFIGURATION, encoding="utf-8")
    for name, content in (("users.htpasswd", ""), ("users.keys", _KEYS)):
        (made / name).touch(mode=0o600)
        (made / name).write_text(content, encoding="utf-8")
    load_host_keys(tuple(made / name for name in _HOST_KEYS))
    (made / "repositories").mkdir()
    make_repository(git, made / "repositories" / "hello.git")


def _move(made: Path, directory: Path, undo: ExitStack) -> None:
    names = sorted(path.name for path in made.iterdir())
    for name in names:
        if os.path.lexists(directory / name):
            raise FileExistsError(None, None, str(directory / name))
    for name in names:
        (made / name).rename(directory / name)
        undo.callback((directory / name).rename, made / name)
