"""What git is started with. Nothing a client wrote is an argument, and nothing of our own environment is inherited."""

from dataclasses import replace
from pathlib import Path

import pytest

from gitgate.git.command import Exchange, Git, GitCommand
from gitgate.plugin import ANONYMOUS, GitRequest, Repository, Service, Transport
from gitgate.refusals import AccessDenied
from gitgate.testing import a_fetch, a_peer, a_push, an_identity

GIT = Git(executable=Path("/usr/bin/git"), search_path="/usr/bin:/bin")
TRUSTED = [("safe.directory", directory) for directory in ("", "/srv/git/a.git", "/srv/git/a.git/.")]
REPOSITORY = Repository(directory=Path("/srv/git/a.git"), name="a")


@pytest.mark.parametrize(
    ("service", "exchange", "arguments"),
    [
        (Service.UPLOAD_PACK, Exchange.CONVERSATION, "upload-pack --strict -- /srv/git/a.git"),
        (
            Service.UPLOAD_PACK,
            Exchange.ADVERTISEMENT,
            "upload-pack --strict --stateless-rpc --advertise-refs -- /srv/git/a.git",
        ),
        (Service.UPLOAD_PACK, Exchange.STATELESS, "upload-pack --strict --stateless-rpc -- /srv/git/a.git"),
        (Service.RECEIVE_PACK, Exchange.CONVERSATION, "receive-pack -- /srv/git/a.git/."),
        (
            Service.RECEIVE_PACK,
            Exchange.ADVERTISEMENT,
            "receive-pack --stateless-rpc --advertise-refs -- /srv/git/a.git/.",
        ),
        (Service.RECEIVE_PACK, Exchange.STATELESS, "receive-pack --stateless-rpc -- /srv/git/a.git/."),
        (Service.UPLOAD_ARCHIVE, Exchange.CONVERSATION, "upload-archive /srv/git/a.git/."),
    ],
)
def test_the_command_line(service: Service, exchange: Exchange, arguments: str) -> None:
    command = GIT.command(a_fetch(service=service), REPOSITORY, ANONYMOUS, exchange)
    assert " ".join(command.argv) == f"/usr/bin/git {arguments}"


@pytest.mark.parametrize("service", [Service.LFS_DOWNLOAD, Service.LFS_UPLOAD, Service.UPLOAD_ARCHIVE])
def test_git_is_asked_for_nothing_that_it_does_not_serve(service: Service) -> None:
    with pytest.raises(ValueError, match="git does not serve"):
        GIT.command(a_fetch(service=service), REPOSITORY, ANONYMOUS, Exchange.STATELESS)


def test_the_environment_is_built_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2024-41956 and plain accidents: LD_PRELOAD, GIT_DIR or a token of ours must not reach git and its hooks."""
    monkeypatch.setenv("LD_PRELOAD", "/evil.so")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    push = a_push(protocol=1, peer=a_peer(Transport.HTTPS))
    environment = GIT.command(push, REPOSITORY, an_identity("alice", "devs", "admins"), Exchange.STATELESS).environment
    defaults = environment["GIT_CONFIG_GLOBAL"]
    assert dict(environment) == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": defaults,
        "GIT_CONFIG_COUNT": "3",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "",
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "/srv/git/a.git",
        "GIT_CONFIG_KEY_2": "safe.directory",
        "GIT_CONFIG_VALUE_2": "/srv/git/a.git/.",
        "GIT_PROTOCOL": "version=1",
        "GIT_COMMITTER_NAME": "alice",
        "GIT_COMMITTER_EMAIL": "alice@https.192.0.2.7",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_USER": "alice",
        "GITGATE_USER": "alice",
        "GITGATE_GROUPS": "admins\ndevs",
        "GITGATE_REQUEST_ID": "req-1",
        "GITGATE_TRANSPORT": "https",
    }
    assert Path(defaults).read_text().startswith("# git's global configuration")


def test_a_group_with_a_line_break_in_its_name_is_not_two_for_hooks() -> None:
    """Attack: who may make groups in the directory makes one called "x", line break, "admins"."""
    member = an_identity("alice", "devs", "x\nadmins", "x\0y")
    environment = GIT.command(a_push(), REPOSITORY, member, Exchange.STATELESS).environment
    assert environment["GITGATE_GROUPS"] == "devs"


def test_anonymous_is_no_remote_user() -> None:
    environment = GIT.command(a_fetch(), REPOSITORY, ANONYMOUS, Exchange.CONVERSATION).environment
    assert "REMOTE_USER" not in environment
    assert environment["GITGATE_USER"] == "anonymous"


def test_the_operators_configuration_and_environment_are_added_but_not_in_the_place_of_ours() -> None:
    git = Git(
        executable=Path("/usr/bin/git"),
        search_path="/bin",
        config={"receive.certNonceSeed": "seed", "safe.directory": "*"},
        environment={"GNUPGHOME": "/srv/gnupg", "GIT_CONFIG_COUNT": "9"},
    )
    repository = Repository(
        directory=Path("/srv/git/a.git"), name="a", environment={"SITE": "x", "GITGATE_USER": "root"}
    )
    environment = git.command(a_push(), repository, an_identity("alice"), Exchange.CONVERSATION).environment
    assert (environment["GNUPGHOME"], environment["SITE"], environment["GITGATE_USER"]) == ("/srv/gnupg", "x", "alice")
    configured = [(environment[f"GIT_CONFIG_KEY_{n}"], environment[f"GIT_CONFIG_VALUE_{n}"]) for n in range(4)]
    assert environment["GIT_CONFIG_COUNT"] == "4"
    assert configured == [("receive.certNonceSeed", "seed"), *TRUSTED]


def _configured(command: GitCommand) -> list[tuple[str, str]]:
    environment = command.environment
    count = int(environment["GIT_CONFIG_COUNT"])
    return [(environment[f"GIT_CONFIG_KEY_{n}"], environment[f"GIT_CONFIG_VALUE_{n}"]) for n in range(count)]


def test_the_limits_of_a_push_go_before_the_repository_and_the_operator_before_them() -> None:
    git = replace(GIT, max_push_bytes=1000, check_objects=True, config={"receive.maxInputSize": "5"})
    push = git.command(a_push(), REPOSITORY, ANONYMOUS, Exchange.CONVERSATION)
    assert _configured(push) == [
        ("receive.maxInputSize", "5"),
        ("receive.fsckObjects", "true"),
        ("receive.fsck.badTimezone", "ignore"),
        ("receive.fsck.missingSpaceBeforeDate", "ignore"),
        ("receive.fsck.zeroPaddedFilemode", "ignore"),
        *TRUSTED,
    ]


def test_no_fetch_gets_anything_over_the_network_and_no_push_to_what_is_not_trusted() -> None:
    def allowed(git: Git, request: GitRequest) -> str | None:
        return git.command(request, REPOSITORY, ANONYMOUS, Exchange.STATELESS).environment.get("GIT_ALLOW_PROTOCOL")

    distrustful = replace(GIT, trust_repositories=False)
    assert [allowed(GIT, a_fetch()), allowed(GIT, a_push()), allowed(distrustful, a_push())] == ["none", None, "none"]


def test_no_archive_is_made_of_what_is_not_trusted() -> None:
    with pytest.raises(AccessDenied, match="git.trust_repositories is false"):
        replace(GIT, trust_repositories=False).command(
            a_fetch(service=Service.UPLOAD_ARCHIVE), REPOSITORY, ANONYMOUS, Exchange.CONVERSATION
        )


def test_secrets_do_not_show() -> None:
    git = Git(executable=Path("/usr/bin/git"), search_path="", config={"a.b": "hunter2"}, environment={"T": "hunter2"})
    command = git.command(a_push(), REPOSITORY, ANONYMOUS, Exchange.CONVERSATION)
    assert "hunter2" not in repr(git) + repr(command)
