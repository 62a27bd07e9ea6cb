"""The plugin: from a request's path to a repository below the root."""

from dataclasses import dataclass
from pathlib import Path

from gitgate.plugin import GitRequest, Identity, Missing, Repository, SettingsError, hookimpl
from gitgate_tree.recognise import looks_like_git_directory
from gitgate_tree.tree import Tree


@dataclass(frozen=True, kw_only=True)
class TreeSettings:
    """What stands in the configuration.

    `root` is the folder of repositories. `allow_symlinks` lets symbolic links lead out of it, and lets a repository's
    `objects` and `refs` be links; a link to another repository below the root needs no permission.
    """

    root: Path
    allow_symlinks: bool = False


class TreePlugin:
    """Answers `resolve_path` from one folder of repositories. `Tree` says which are served, and by which name."""

    settings_type = TreeSettings

    def __init__(self, settings: TreeSettings) -> None:
        self._tree = Tree(_real_root(settings.root), allow_symlinks=settings.allow_symlinks)

    @hookimpl
    def resolve_path(self, identity: Identity, request: GitRequest) -> Repository | Missing:
        """The repository below the root that the path leads to."""
        if not request.path.startswith("/"):
            return Missing(f"{request.path!r} does not start with '/'")
        relative = request.path[1:]
        return self._tree.find(tuple(relative.split("/")) if relative else ())


def _real_root(root: Path) -> Path:
    try:
        real = root.resolve(strict=True)
        is_repository = looks_like_git_directory(real)
    except OSError as error:
        raise SettingsError(f"{root}: {error.strerror}; name a folder that gitgate can enter", key="root") from error
    if not real.is_dir():
        raise SettingsError(f"{root} is not a directory; name the folder that holds the repositories", key="root")
    if is_repository:
        raise SettingsError(f"{root} is itself a repository; name the folder that holds it", key="root")
    return real
