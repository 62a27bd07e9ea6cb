"""Several roots as one space of names: whose a name is, and which names a request can reach."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gitgate.plugin import GitRequest, Missing, Repository, SettingsError
from gitgate_tree.names import Name, written_name
from gitgate_tree.recognise import looks_like_git_directory
from gitgate_tree.settings import Root
from gitgate_tree.tree import Tree

_HOST_AND_PORT: Final = re.compile(r"(\[[^\]]*\]|[^:]*?)\.?(?::[0-9]*)?")


class Roots:
    """The roots of one plugin.

    A name belongs to the root with the longest prefix that it begins with, and to no other: what stands in another root
    at a path that would give it the same name is not served. So no two repositories share a name, and as no root stands
    inside another, no repository has two.
    """

    def __init__(self, roots: Sequence[Root], *, allow_symlinks: bool, export_ok: bool) -> None:
        """Raises SettingsError for a root that cannot be served."""
        key = "root" if len(roots) == 1 and not roots[0].prefix else "roots"
        self._trees: list[Tree] = []
        self._by_host: dict[str, Tree] = {}
        self._by_username: dict[str, Tree] = {}
        for root in roots:
            tree = Tree(
                _real_root(root.root, key),
                prefix=written_name(root.prefix) if root.prefix else (),
                allow_symlinks=allow_symlinks,
                export_ok=export_ok,
            )
            self._trees.append(tree)
            self._by_host |= {host.lower(): tree for host in root.hosts}
            self._by_username |= dict.fromkeys(root.usernames, tree)
        self._tenants = [*self._by_host.values(), *self._by_username.values()]
        for tree in self._trees:
            for other in self._trees:
                if tree is not other and tree.root.is_relative_to(other.root):
                    raise SettingsError(
                        f"{tree.root} is inside of {other.root}, so that a repository would have two names", key=key
                    )
        self._trees.sort(key=lambda tree: len(tree.prefix), reverse=True)

    @property
    def all(self) -> tuple[Tree, ...]:
        """Every root, those with the longest prefixes first."""
        return tuple(self._trees)

    @property
    def for_everybody(self) -> list[Tree]:
        """Those that are not a tenant's."""
        return [tree for tree in self._trees if tree not in self._tenants]

    def tenant(self, request: GitRequest) -> Tree | None:
        """The root that is bound to the request's host, or else to its user name."""
        if self._by_host and request.host and (parts := _HOST_AND_PORT.fullmatch(request.host)):
            tree = self._by_host.get(parts[1].lower())
            if tree is not None:
                return tree
        return self._by_username.get(request.username) if request.username else None

    def owner(self, name: Name) -> Tree | None:
        """The root that the name belongs to."""
        for tree in self._trees:  # longest prefix first
            depth = len(tree.prefix)
            if len(name) > depth and name[:depth] == tree.prefix:
                return tree
        return None

    def tenant_of(self, name: Name) -> Tree | None:
        """The tenant's root that the name belongs to; None for a name that is for everybody, or nobody's."""
        owner = self.owner(name)
        return owner if owner in self._tenants else None

    def path(self, name: Name) -> str:
        """The path by which those ask for the name who can."""
        tenant = self.tenant_of(name)
        return "/" + "/".join(name if tenant is None else name[len(tenant.prefix) :])

    def find(self, name: Name) -> Repository | Missing:
        """The repository of this name. Raises OSError where the system cannot tell."""
        owner = self.owner(name)
        if owner is None:
            return Missing(f"no root has a prefix for {'/'.join(name)}")
        found = owner.find(name[len(owner.prefix) :])
        if len(self._trees) == 1 or isinstance(found, Missing):
            return found
        for tree in self._trees:
            if tree is not owner and found.directory.is_relative_to(tree.root):
                # Through a link that may leave its root. In its own root the repository has a name already.
                owner, found = tree, tree.find_without_links(found.directory)
                break
        if isinstance(found, Repository) and self.owner(tuple(found.name.split("/"))) is not owner:
            return Missing(f"{found.directory} would be called {found.name}, which is a name of another root")
        return found

    def closed_below(self, error: PermissionError) -> Path | None:
        """What may not be entered or read on the way to where `error` came from; None where that is a root itself."""
        path = Path(error.filename)
        closed = next((folder for folder in reversed(path.parents) if not _can_be_entered(folder)), path)
        return None if any(tree.root.is_relative_to(closed) for tree in self._trees) else closed


def _can_be_entered(folder: Path) -> bool:
    """Whether the system says what is in it; of any name, even one that is not there."""
    try:
        (folder / "HEAD").lstat()
    except PermissionError:
        return False
    except OSError:
        pass
    return True


def _real_root(root: Path, key: str) -> Path:
    try:
        real = root.resolve(strict=True)
        is_repository = looks_like_git_directory(real)
    except OSError as error:
        raise SettingsError(f"{root}: {error.strerror}; name a folder that gitgate can enter", key=key) from error
    if not real.is_dir():
        raise SettingsError(f"{root} is not a directory; name the folder that holds the repositories", key=key)
    if is_repository:
        raise SettingsError(f"{root} is itself a repository; name the folder that holds it", key=key)
    return real
