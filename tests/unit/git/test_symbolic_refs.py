"""Which refs of a push lead elsewhere, as git itself sees it, and what is judged then."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from reactor_fixtures import Run, TimeThatIsTold
from twisted.internet.defer import CancelledError, ensureDeferred
from twisted.internet.task import deferLater

from gitgate.git.command import GitCommand
from gitgate.git.symbolic_refs import SymbolicRefs
from gitgate.plugin import RefChange, RefUpdate, Repository
from gitgate.refusals import AccessDenied

OLD, NEW = "1" * 40, "2" * 40


def update(ref: str) -> RefUpdate:
    return RefUpdate(ref=ref, old=OLD, new=NEW, change=RefChange.UPDATE)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder = tmp_path / "r.git"
    git(tmp_path, "init", "-q", "--bare", str(folder))
    leading = (("master", "main"), ("old/name", "master"), ("loop", "pool"), ("pool", "loop"), (b"latin\xe9", "main"))
    for name, target in leading:
        git(folder, "symbolic-ref", b"refs/heads/" + os.fsencode(name), f"refs/heads/{target}")
    git(folder, "symbolic-ref", "HEAD", "refs/heads/main")
    git(folder, "symbolic-ref", "refs/heads/current", "HEAD")
    git(folder, "config", "core.preferSymlinkRefs", "true")
    git(folder, "symbolic-ref", "refs/heads/linked", "refs/heads/main")
    (folder / "refs/heads/plain").write_text(f"{NEW}\n")
    return Repository(directory=folder, name="r")


def looked_at(refs: list[str], repository: Repository) -> SymbolicRefs:
    found = SymbolicRefs.among(refs, repository)
    assert found is not None
    return found


def git(folder: Path, *arguments: str | bytes) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("ref", "also"),
    [
        ("refs/heads/master", ["refs/heads/main"]),
        ("refs/heads/old/name", ["refs/heads/master", "refs/heads/main"]),
        ("refs/heads/linked", ["refs/heads/main"]),
        ("refs/heads/current", ["refs/heads/main"]),
        ("refs/heads/latin\\xe9", ["refs/heads/main"]),
        ("refs/heads/loop", ["refs/heads/pool"]),
        ("refs/heads/plain", []),
        ("refs/heads/new", []),
        ("refs/heads", []),
        ("refs/../HEAD", []),
        ("HEAD", []),
    ],
)
def test_what_a_ref_leads_to_is_judged_too(repository: Repository, ref: str, also: list[str]) -> None:
    symbolic = looked_at([ref], repository)
    assert symbolic.with_targets((update(ref),)) == (update(ref), *map(update, also))


def test_a_ref_that_cannot_be_read_is_no_plain_one(repository: Repository) -> None:
    """Attack: open connections until no file can be opened, and push to `master`, which leads to the protected `main`,
    while others come and go: git may find a place for its files again."""

    def refs_while_no_file_can_be_opened() -> Iterator[str]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, most))
        yield "refs/heads/master"

    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        with pytest.raises(OSError, match="Too many open files"):
            SymbolicRefs.among(refs_while_no_file_can_be_opened(), repository)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))


@pytest.mark.parametrize(
    "ref", ["refs/heads/plain/below", "refs/heads/" + "x" * 300, "refs/heads/" + "x/" * 3000 + "x"]
)
def test_a_name_of_which_no_ref_can_be_made_leads_nowhere(repository: Repository, ref: str) -> None:
    assert looked_at([ref], repository).with_targets((update(ref),)) == (update(ref),)


def test_what_is_pushed_anyway_is_judged_once(repository: Repository) -> None:
    updates = (update("refs/heads/main"), update("refs/heads/master"))
    assert looked_at([u.ref for u in updates], repository).with_targets(updates) == updates


def test_a_refusal_is_told_for_the_name_that_was_pushed_to(repository: Repository) -> None:
    symbolic = looked_at(["refs/heads/master", "refs/heads/plain"], repository)
    assert symbolic.with_sources(("refs/heads/main",)) == ("refs/heads/main", "refs/heads/master")
    assert symbolic.with_sources(("refs/heads/plain",)) == ("refs/heads/plain",)


# Where refs are no files, git is asked.


@pytest.fixture
def command(repository: Repository) -> GitCommand:
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull}
    command = GitCommand(argv=(f"{repository.directory.parent}/git",), environment=environment)
    Path(command.argv[0]).write_text('#!/bin/sh\nexec git "$@"\n')
    Path(command.argv[0]).chmod(0o755)
    return command


@pytest.fixture
def ask(
    command: GitCommand, repository: Repository, running_reactor: Any, run: Run[SymbolicRefs]
) -> Callable[[list[str]], SymbolicRefs]:
    return lambda refs: run(SymbolicRefs.asked_of_git(command, refs, repository, running_reactor))


def a_reftable(directory: Path) -> None:
    (directory / "reftable").mkdir()


def a_linked_work_tree(directory: Path) -> None:
    (directory / "commondir").write_text("../other.git\n")


def another_storage(directory: Path) -> None:
    with (directory / "config").open("a") as config:
        config.write("[Extensions]\n\trefstorage = reftable:///srv/refs\n")


def too_long_a_configuration(directory: Path) -> None:
    (directory / "config").write_bytes(b"#" * 2**20)


@pytest.mark.parametrize("sign", [a_reftable, a_linked_work_tree, another_storage, too_long_a_configuration])
def test_git_is_asked_where_symbolic_refs_are_no_files_of_the_repository(
    repository: Repository, sign: Callable[[Path], None]
) -> None:
    sign(repository.directory)
    assert SymbolicRefs.among(["refs/heads/plain"], repository) is None


def test_a_repository_without_a_configuration_is_looked_at(repository: Repository) -> None:
    (repository.directory / "config").unlink()
    assert looked_at(["refs/heads/master"], repository).with_sources(("refs/heads/main",))[1:] == ("refs/heads/master",)


def test_git_tells_where_a_ref_leads_even_if_nothing_is_there(ask: Callable[[list[str]], SymbolicRefs]) -> None:
    leading = ["refs/heads/master", "refs/heads/old/name", "refs/heads/current", "refs/heads/latin\\xe9"]
    others = ["refs/heads/plain", "refs/heads/new", "refs/heads/plain/below", "refs/../HEAD", "HEAD"]
    found = ask([*leading, *others])
    assert found.with_sources(("refs/heads/main",)) == ("refs/heads/main", *leading)
    assert found.with_targets(tuple(map(update, others))) == tuple(map(update, others))


def test_a_ref_of_which_git_does_not_say_where_it_leads_is_no_plain_one(
    ask: Callable[[list[str]], SymbolicRefs], repository: Repository
) -> None:
    with pytest.raises(OSError, match="git does not say where refs/heads/loop leads"):
        ask(["refs/heads/loop"])
    git(repository.directory, "config", "core.repositoryFormatVersion", "1")
    git(repository.directory, "config", "extensions.unheardOf", "true")
    with pytest.raises(OSError, match="unheardof"):
        ask(["refs/heads/plain"])


def test_a_push_of_many_refs_does_not_start_git_as_often(ask: Callable[[list[str]], SymbolicRefs]) -> None:
    with pytest.raises(AccessDenied) as refused:
        ask([f"refs/heads/b{number}" for number in range(1001)])
    assert refused.value.message == "at most 1000 refs can be pushed here at once; push them in parts"


class EachGitTakesNineSeconds(TimeThatIsTold):
    """A machine on which to start a program takes its time."""

    started = 0

    def spawnProcess(self, *arguments: Any) -> Any:  # noqa: N802
        self.started += 1
        self.advance(9)
        return self._reactor.spawnProcess(*arguments)


def test_git_is_not_asked_about_the_refs_of_one_push_without_end(
    command: GitCommand, repository: Repository, running_reactor: Any, run: Run[SymbolicRefs]
) -> None:
    """Each git that is slow has ten seconds; a thousand of them would have a push keep its place for three hours."""
    reactor = EachGitTakesNineSeconds(running_reactor)
    refs = [f"refs/heads/b{number}" for number in range(1000)]
    with pytest.raises(OSError, match="within 60 s where 1000 refs lead"):
        run(SymbolicRefs.asked_of_git(command, refs, repository, reactor))
    assert reactor.started == 7


def test_a_client_that_goes_ends_the_questions_about_its_refs(
    command: GitCommand, repository: Repository, running_reactor: Any, run: Run[None]
) -> None:
    said = repository.directory.parent / "asked"
    Path(command.argv[0]).write_text(f'#!/bin/sh\necho $$ >> "{said}"\nexec sleep 600\n')

    async def ask_and_go() -> None:
        asking = ensureDeferred(SymbolicRefs.asked_of_git(command, ["refs/a", "refs/b"], repository, running_reactor))
        while not said.exists() or not said.read_text():
            await deferLater(running_reactor, 0.01)
        asking.cancel()
        with pytest.raises(CancelledError):
            await asking
        while Path(f"/proc/{said.read_text().strip()}").exists():
            await deferLater(running_reactor, 0.01)

    run(ask_and_go())
    assert len(said.read_text().split()) == 1
