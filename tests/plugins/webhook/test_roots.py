"""The folders beyond which the service leads nobody."""

import json
from pathlib import Path
from typing import Any

import pytest
from gitgate_webhook.failures import BadReply

from gitgate.plugin import Missing, Repository
from gitgate.testing import a_fetch, an_identity


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "git/app.git").mkdir(parents=True)
    (tmp_path / "git2/app.git").mkdir(parents=True)
    (tmp_path / "secret.git").mkdir()
    (tmp_path / "git/link").symlink_to(tmp_path / "secret.git")
    (tmp_path / "git/inside").symlink_to("app.git")
    (tmp_path / "linked-root").symlink_to("git")
    return tmp_path


@pytest.fixture
def find(service: Any, plugin: Any, run: Any, tag: str, place: Path) -> Any:
    def ask(directory: str, **more: Any) -> Any:
        named = {"directory": directory, "name": "team/app", **more}
        url = service.url(tag, body=json.dumps({"decision": "allow", "repository": named}))
        roots = (place / "git", place / "another-that-is-not-there")
        return run(plugin(url, roots=roots).resolve_path(an_identity(), a_fetch()))

    return ask


@pytest.mark.parametrize("directory", ["git/app.git", "git/inside", "git/../git/app.git", "linked-root/app.git"])
def test_what_is_below_a_root_is_served_at_its_real_place(directory: str, find: Any, place: Path) -> None:
    """Or else a link that is changed after the decision would lead elsewhere."""
    assert find(f"{place}/{directory}") == Repository(directory=place / "git/app.git", name="team/app")


@pytest.mark.parametrize(
    "directory",
    ["{0}/secret.git", "{0}/git/link", "{0}/git/../secret.git", "{0}/git", "{0}/git2/app.git", "/", "/etc", "/proc/1"],
)
def test_what_is_not_below_a_root_is_no_answer(directory: str, find: Any, place: Path) -> None:
    """Attack: make the service name a folder that is no repository of this server, or a link that leads out."""
    with pytest.raises(BadReply, match="is not below one of `roots`"):
        find(directory.format(place))


@pytest.mark.parametrize("directory", ["", "app.git", "./git/app.git", "~/app.git", "git/a\0b"])
def test_what_is_no_absolute_path_is_no_answer(directory: str, find: Any) -> None:
    with pytest.raises(BadReply, match="must be an absolute path"):
        find(directory)


@pytest.mark.parametrize("name", ["", "/team/app", "../app", "team/app.git"])
def test_a_name_that_no_repository_can_have_is_no_answer(name: str, find: Any, place: Path) -> None:
    with pytest.raises(BadReply, match="`repository"):
        find(f"{place}/git/app.git", name=name)


def test_a_folder_that_is_not_there_is_missing(find: Any, place: Path) -> None:
    answer = find(f"{place}/git/new.git")
    assert answer == Missing(f"the service says that it is {place}/git/new.git, where there is no folder")
