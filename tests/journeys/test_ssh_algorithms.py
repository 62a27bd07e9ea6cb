"""Each algorithm that is offered, as OpenSSH understands it: packets, new keys and the first exchange."""

import os
import re

import pytest

CIPHERS = ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-ctr"]


@pytest.fixture(scope="module")
def repository(site) -> str:
    """The path of a repository of 2 MB that cannot be compressed."""
    site.repository("open/algorithms.git")
    client = site.client()
    work = client.work_tree(str(site.root / "open/algorithms.git"))
    (work / "random").write_bytes(os.urandom(2 * 2**20))
    client.commit(work)
    client.git("push", "-q", "origin", "HEAD:main", cwd=work)
    return "open/algorithms.git"


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

    said = client.git("clone", site.url("ssh", repository), client.home / "copy")
    said += client.git("push", site.url("ssh", f"open/{unique}.git"), "HEAD:main", cwd=client.home / "copy")

    assert set(re.findall(r"kex: algorithm: (\S+)", said)) == {exchange}
    agreed = f"cipher: {cipher} MAC: {'<implicit>' if 'gcm' in cipher else mac} compression: none"
    assert set(re.findall(r"kex: (?:server->client|client->server) (.*?)\r?\n", said)) == {agreed}
    assert said.count("SSH2_MSG_NEWKEYS received") >= 6  # two connections, with new keys on the way in both
    assert client.git("rev-parse", "main", cwd=site.root / f"open/{unique}.git") == client.git(
        "rev-parse", "main", cwd=site.root / repository
    )
