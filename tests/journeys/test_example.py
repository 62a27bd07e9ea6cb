"""A server started from the shipped example does what the example says."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLE = (Path(__file__).parents[2] / "gitgate.yaml.example").read_text()


@pytest.fixture(scope="module")
def example(starting, tmp_path_factory) -> Iterator:
    """Any free ports instead of the example's; where clients find it is what the tests read from its start lines."""
    text = EXAMPLE[: EXAMPLE.index("public_urls:")] + EXAMPLE[EXAMPLE.index("plugins:") :]
    for place in ("0.0.0.0:2222", "[::]:8443", "127.0.0.1:8080", "0.0.0.0:9418"):
        assert place in text
        text = text.replace(place, "127.0.0.1:0")
    text = text.replace("/usr/bin/git", str(shutil.which("git"))).replace("/var/log/gitgate/", "")
    for key, stands in (("keys/ssh_host", "ssh_host"), ("keys/tls", "tls"), ("{$file: keys/nonce-seed}", "seed")):
        text = text.replace(key, stands)
    folder = tmp_path_factory.mktemp("example") / "site"
    folder.mkdir()
    (folder / "users.keys").write_text("")
    running = starting(folder, text)
    running.filled("team/app.git")
    yield running
    assert running.daemon.close() == 0


@pytest.mark.parametrize("transport", ["ssh", "http", "https"], indirect=True)
def test_main_is_protected_from_force_pushes_and_other_branches_are_not(example, transport, unique):
    client = example.client("alice")
    client.git("clone", "-q", example.url(transport, "team/app"), "clone")
    clone = client.home / "clone"
    client.git("push", "-q", "origin", f"HEAD:refs/heads/{unique}", cwd=clone)
    client.git("commit", "-q", "--amend", "-m", "rewritten", cwd=clone)

    printed = client.git("push", "--force", "origin", "HEAD:main", cwd=clone, fails=True)
    assert "main only moves forward." in printed
    client.git("push", "-q", "--force", "origin", f"HEAD:refs/heads/{unique}", cwd=clone)


@pytest.mark.parametrize("transport", ["ssh", "http", "https"], indirect=True)
def test_everybody_makes_repositories_of_their_own_and_no_others(example, transport, unique):
    client = example.client("bob")
    client.git("init", "-q", "work")
    client.commit(client.home / "work", README="mine\n")
    mine = example.url(transport, f"users/bob/{unique}", user="bob")
    client.git("push", "-q", mine, "HEAD:main", cwd=client.home / "work")
    assert "refs/heads/main" in client.git("ls-remote", mine)
    theirs = example.url(transport, f"users/alice/{unique}", user="bob")
    client.git("push", "-q", theirs, "HEAD:main", cwd=client.home / "work", fails=True)
