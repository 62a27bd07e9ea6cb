"""What `explain` and `repos` refuse to be asked. What they answer is in tests/journeys/test_explain.py."""

import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gitgate.cli import gitgate
from gitgate.cli.key_file import read_key_file


def make_key(folder: Path, *options: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", folder / "key", *options], check=True)
    return folder / "key.pub"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("explain alice read app main", "rights to read are for the whole repository: leave the REF out"),
        ("explain alice force app", "force needs a REF, such as refs/heads/main"),
        ("explain alice delete app", "delete needs a REF, such as refs/heads/main"),
        ("explain alice read ../app", "REPO cannot be asked for: the path has '..' between its slashes"),
        ("explain alice read /", "REPO cannot be asked for: the path names no repository"),
        ("explain alice merge app", "'merge' is not one of"),
        ("explain alice read app --transport git", "git:// knows no users; ask for `anonymous`"),
        ("explain anonymous read app --group devs", "`anonymous` is in no group"),
        ("explain alice read app --address example.org", "'example.org' is not an IP address"),
        ("explain alice read app --directory . -c gitgate.yaml", "--directory and -c exclude each other"),
        ("explain alice read app --directory SITE", "Use the configuration: gitgate explain -c SITE/gitgate.yaml"),
        ("repos alice --directory SITE", "Use the configuration: gitgate repos -c SITE/gitgate.yaml"),
        ("explain alice read app", "there is no ./gitgate.yaml"),
        ("repos alice --key KEY --group devs", "with --key, the plugins know the groups, and the transport is ssh"),
        ("repos alice --key KEY --transport http", "with --key, the plugins know the groups, and the transport is ssh"),
        ("repos", "Missing argument 'USER'"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    words: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITGATE_CONFIG", raising=False)
    (tmp_path / "KEY").write_text("ssh-ed25519 AAAA")
    (tmp_path / "SITE").mkdir()
    (tmp_path / "SITE" / "gitgate.yaml").write_text("version: 1\n")
    ran = CliRunner().invoke(gitgate, words.split())
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert message in " ".join(ran.stderr.split())


@pytest.mark.parametrize("options", [("-t", "ed25519"), ("-t", "rsa", "-b", "2048"), ("-t", "ecdsa")])
def test_a_public_key_file_is_a_login_that_has_proved_itself(options: tuple[str, ...], tmp_path: Path) -> None:
    file = make_key(tmp_path, *options)
    key = read_key_file(file, "git")
    listed = subprocess.run(["ssh-keygen", "-lf", file], check=True, capture_output=True, text=True)
    assert key.fingerprint == listed.stdout.split()[1]
    assert (key.username, key.algorithm, key.verified) == ("git", file.read_text().split()[0], True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a public key, which looks like: ssh-ed25519 AAAA..."),
        ("ssh-ed25519", "is not a public key, which looks like: ssh-ed25519 AAAA..."),
        ("ssh-ed25519 AAAA", "the key is not taken"),
        ("ssh-ed25519 %%%%", "the key is not taken"),
        ("ssh-dss AAAAB3NzaC1kc3M=", "the key is not taken: ssh-dss with a key of type ssh-dss is not taken"),
        ("\xff\xfe \xe9", "the key is not taken"),
    ],
)
def test_what_is_no_key_that_the_server_takes_is_told(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "key.pub"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(click.UsageError) as caught:
        read_key_file(file, "git")
    assert message in caught.value.message


def test_a_private_key_is_told_from_a_public_one_and_not_shown(tmp_path: Path) -> None:
    file = make_key(tmp_path, "-t", "ed25519").with_suffix("")
    with pytest.raises(click.UsageError) as caught:
        read_key_file(file, "git")
    assert caught.value.message == f"{file} is not a public key; name the file beside it that ends in .pub"
