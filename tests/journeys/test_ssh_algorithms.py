"""Each algorithm that is offered, as OpenSSH understands it: packets, new keys and the first exchange."""

import os
import re

import pytest

CIPHERS = ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-ctr"]

#: The default of its `Ciphers`.
UNTIL_OPENSSH_10 = (
    "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com"
)


def with_random_bytes(site, path: str, size: int) -> str:
    """The path of a repository of this size that cannot be compressed."""
    site.repository(path)
    client = site.client()
    work = client.work_tree(str(site.root / path))
    (work / "random").write_bytes(os.urandom(size))
    client.commit(work)
    client.git("push", "-q", "origin", "HEAD:main", cwd=work)
    return path


@pytest.fixture(scope="module")
def repository(site) -> str:
    return with_random_bytes(site, "open/algorithms.git", 2 * 2**20)


@pytest.fixture(scope="module")
def long_repository(site) -> str:
    return with_random_bytes(site, "open/long-algorithms.git", 6 * 2**20)


@pytest.mark.parametrize(
    ("ciphers", "agreed"),
    [
        (UNTIL_OPENSSH_10, ["aes128-ctr", "aes128-gcm@openssh.com"]),
        ("aes256-ctr", ["aes256-ctr"]),
        ("aes256-gcm@openssh.com", ["aes256-gcm@openssh.com"]),
    ],
)
def test_a_client_that_moves_much_changes_to_gcm_if_it_knows_that(site, long_repository, unique, ciphers, agreed):
    """Until version 10, OpenSSH's client prefers AES-CTR with a MAC, which costs both sides five times as much."""
    client = site.client()
    command = client.environment["GIT_SSH_COMMAND"].replace("LogLevel=ERROR", "LogLevel=DEBUG1")
    command += f" -o Ciphers={ciphers}"
    client = type(client)(client.home, {**client.environment, "GIT_SSH_COMMAND": command})
    site.repository(f"open/{unique}.git")

    said = {
        "clone": client.git("clone", site.url("ssh", long_repository), client.home / "copy"),
        "push": client.git("push", site.url("ssh", f"open/{unique}.git"), "HEAD:main", cwd=client.home / "copy"),
    }

    for direction in ("server->client", "client->server"):
        seen = {name: re.findall(rf"kex: {direction} cipher: (\S+)", text) for name, text in said.items()}
        assert seen == {"clone": agreed, "push": agreed}
    assert client.git("rev-parse", "main", cwd=site.root / f"open/{unique}.git") == client.git(
        "rev-parse", "main", cwd=site.root / long_repository
    )


@pytest.mark.parametrize(
    ("cipher", "mac", "exchange"),
    [
        *((cipher, "hmac-sha2-256-etm@openssh.com", "curve25519-sha256") for cipher in CIPHERS),
        *((cipher, "hmac-sha2-512-etm@openssh.com", "curve25519-sha256@libssh.org") for cipher in CIPHERS[2:]),
    ],
)
def test_a_repository_is_cloned_and_pushed_with_new_keys_on_the_way(site, repository, unique, cipher, mac, exchange):
    client = site.client()
    command = client.environment["GIT_SSH_COMMAND"].replace("LogLevel=ERROR", "LogLevel=DEBUG1")
    command += f" -o Ciphers={cipher} -o MACs={mac} -o KexAlgorithms={exchange} -o RekeyLimit=1M"
    client = type(client)(client.home, {**client.environment, "GIT_SSH_COMMAND": command})
    site.repository(f"open/{unique}.git")

    cloned = client.git("clone", site.url("ssh", repository), client.home / "copy")
    pushed = client.git("push", site.url("ssh", f"open/{unique}.git"), "HEAD:main", cwd=client.home / "copy")
    said = cloned + pushed

    assert set(re.findall(r"kex: algorithm: (\S+)", said)) == {exchange}
    agreed = f"cipher: {cipher} MAC: {'<implicit>' if 'gcm' in cipher else mac} compression: none"
    assert set(re.findall(r"kex: (?:server->client|client->server) (.*?)\r?\n", said)) == {agreed}
    # Of what comes after the first MiB, much may be under way when new keys are asked for.
    assert min(text.count("SSH2_MSG_NEWKEYS received") for text in (cloned, pushed)) >= 2
    assert client.git("rev-parse", "main", cwd=site.root / f"open/{unique}.git") == client.git(
        "rev-parse", "main", cwd=site.root / repository
    )
