"""Making a repository, so that nobody ever sees half of one."""

import os
import secrets
import shutil
import subprocess
from errno import EEXIST, ENOTDIR, ENOTEMPTY
from pathlib import Path
from typing import Final

from gitgate.plugin import Identity, SettingsError
from gitgate_tree.names import Name, why_not_made
from gitgate_tree.patterns import name_pattern
from gitgate_tree.recognise import repository_at
from gitgate_tree.settings import CreateOnPush

#: What renaming a folder says of a place that is taken.
_TAKEN: Final = frozenset({EEXIST, ENOTEMPTY, ENOTDIR})

_LONGEST_SECONDS: Final = 60


class CreationFailed(OSError):
    """No repository was made; the message says why. An OSError, so that the log has no traceback of it."""


class Creation:
    """Makes bare repositories, under the names that it may. With `export_ok` they are marked for export."""

    def __init__(self, settings: CreateOnPush, *, export_ok: bool) -> None:
        """Raises SettingsError without a git to make them with, or without the template."""
        git = shutil.which(settings.git or "git")
        if git is None:
            raise SettingsError(f"{settings.git or 'git'}: no such program; set git", key="create_on_push")
        template = settings.template
        if template is not None and not template.is_dir():
            raise SettingsError(f"template: {template} is not a folder", key="create_on_push")
        self._patterns = [name_pattern(text) for text in settings.names]
        self._export_ok = export_ok
        self._command = (
            *(str(Path(git).absolute()), "init", "--quiet", "--bare"),
            *(f"--template={template or ''}", f"--initial-branch={settings.default_branch}", "--"),
        )

    def why_not(self, name: Name, identity: Identity) -> str | None:
        """What keeps `identity` from making a repository of this name; None where nothing does."""
        user = None if identity.is_anonymous else identity.name
        return why_not_made(name) or (
            None
            if any(matches(name, user) for matches in self._patterns)
            else f"create_on_push.names has no pattern for {'/'.join(name)}"
        )

    def make(self, root: Path, below: Name) -> None:
        """Make the bare repository called `below` in `root`, and the folders on the way to it.

        It appears whole, in one rename. Where that finds the place taken, somebody else was faster, and what stands
        there stays as it is. No symbolic link is followed on the way, whenever it was made. Raises OSError, or
        `CreationFailed`.
        """
        descriptor = _open_folder(root, below[:-1])
        try:
            # Beside its place, so in the same file system; not served, because of the dot. A kill leaves it behind.
            draft = f".gitgate-{secrets.token_hex(8)}"
            os.mkdir(draft, 0o755, dir_fd=descriptor)
            try:
                self._init(root.joinpath(*below[:-1], draft))
                _rename(draft, f"{below[-1]}.git", descriptor)
            finally:
                shutil.rmtree(draft, ignore_errors=True, dir_fd=descriptor)
        finally:
            os.close(descriptor)

    def _init(self, directory: Path) -> None:
        """`git init`, whose environment and configuration are nobody's."""
        environment = {
            "PATH": os.defpath,
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        ran = subprocess.run(  # noqa: S603 - the operator's git and template, and a path of ours
            [*self._command, directory],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_SECONDS,
        )
        if ran.returncode != 0:
            raise CreationFailed(f"git init: {ran.stderr.decode(errors='replace').strip()}")
        if repository_at(directory, follow_links=True) != directory:
            raise CreationFailed("git init has made no repository; look at what the template brings along")
        if self._export_ok:
            (directory / "git-daemon-export-ok").touch()


def _rename(draft: str, name: str, folder: int) -> None:
    try:
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise


def _open_folder(root: Path, below: Name) -> int:
    """A descriptor of a folder below `root`, made where it is missing. Raises OSError for a link on the way."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    for segment in below:
        outer = descriptor
        try:
            try:
                os.mkdir(segment, 0o755, dir_fd=outer)
            except FileExistsError:
                pass
            descriptor = os.open(segment, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=outer)
        finally:
            os.close(outer)
    return descriptor
