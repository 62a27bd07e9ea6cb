"""Logins that other servers have got wrong: each test is named after the vulnerability, and is its attack."""

from collections.abc import Callable
from hashlib import sha256
from struct import pack
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from raw_ssh_client import DISCONNECT, FAILURE, KEY_WOULD_DO, SUCCESS, UNIMPLEMENTED, about_key, by_password
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.keys import Key
from waiting import wait_until


@pytest.fixture
def client(site: Any, attack: Any) -> Any:
    client = attack(site)
    client.begin_login()
    return client


@pytest.fixture(scope="module")
def key_of(site: Any) -> Callable[[str], Key]:
    return lambda user: Key.fromFile(str(site.keys / user))


def test_ghsa_pchf_49fh_w34r_who_offers_the_key_of_alice_and_signs_with_that_of_bob_is_bob(
    client: Any, key_of: Any
) -> None:
    """soft-serve: alice's public key, which anybody can have, is offered and not signed with; her name stays behind."""
    assert client.asks(about_key("git", key_of("alice"))) == KEY_WOULD_DO
    assert client.asks(client.by_key("git", key_of("bob"))) == SUCCESS

    assert client.whoami() == "bob"


def test_ghsa_pchf_49fh_w34r_two_logins_at_once_are_none(client: Any, key_of: Any) -> None:
    """The server remembers a name of the second request when the first is answered: so the second may not come."""
    requests = (client.by_key("git", key_of("bob")), about_key("git", key_of("alice")))
    client.socket.sendall(b"".join(client._writer.packet(50, request) for request in requests))

    assert SUCCESS not in client.wait_until_closed()


def test_cve_2024_45337_a_signature_counts_for_its_own_key_only(client: Any, key_of: Any) -> None:
    """x/crypto: the callback keeps the key that it saw last. alice's is named, and signed with bob's."""
    assert client.asks(client.by_key("git", key_of("alice"), key_of("bob").sign)) == FAILURE
    assert client.asks(client.by_key("git", key_of("bob"))) == SUCCESS
    client.sendPacket(50, about_key("git", key_of("alice")))

    assert client.whoami() == "bob"


def test_cve_2024_28080_a_key_that_failed_leaves_nothing_for_the_password(client: Any, key_of: Any) -> None:
    """Gitblit: alice's key names her and fails; the password that follows is bob's."""
    assert client.asks(client.by_key("alice", key_of("alice"), key_of("bob").sign)) == FAILURE
    assert client.asks(by_password("bob", "builder")) == SUCCESS

    assert client.whoami() == "bob"


@pytest.mark.parametrize("way", ["password", "key", "key after a question"])
def test_cve_2026_39828_what_an_identity_may_not_do_holds_however_it_logged_in(
    site: Any, client: Any, key_of: Any, way: str
) -> None:
    """x/crypto, CVE-2026-46595: restrictions that came with the login were dropped on some ways of logging in. bob may
    read what is below team/, and not push to it."""
    repository = f"team/{way.replace(' ', '-')}.git"
    site.filled(repository)
    if way == "password":
        assert client.asks(by_password("bob", "builder")) == SUCCESS
    else:
        if way == "key after a question":
            assert client.asks(about_key("git", key_of("alice"))) == KEY_WOULD_DO
        assert client.asks(client.by_key("git", key_of("bob"))) == SUCCESS

    assert client.runs(f"git-upload-pack '/{repository}'".encode(), b"0000")[1:] == (b"", 0)
    pushed, said, code = client.runs(f"git-receive-pack '/{repository}'".encode())
    assert (pushed, said.partition(b" (id ")[0], code) == (b"", b"gitgate: Pushing is for developers.", 128)


def test_cve_2026_39831_a_security_key_has_to_be_touched(site: Any, client: Any, attack: Any) -> None:
    """x/crypto, and conch: malware has the key sign that is plugged in, without anybody's touch."""
    private = Ed25519PrivateKey.generate()
    kind, application = b"sk-ssh-ed25519@openssh.com", b"ssh:"
    key = Key.fromString(NS(kind) + NS(private.public_key().public_bytes_raw()) + NS(application), type="blob")
    (site.folder / "keys.d" / "bob@security.pub").write_bytes(key.toString("openssh") + b"\n")

    def is_known() -> bool:
        asking = attack(site)
        asking.begin_login()
        return bool(asking.asks(about_key("git", key)) == KEY_WOULD_DO)

    def signature(flags: int) -> Callable[[bytes], bytes]:
        def sign(message: bytes) -> bytes:
            state = bytes([flags]) + pack(">L", 7)
            signed = sha256(application).digest() + state + sha256(message).digest()
            return NS(kind) + NS(private.sign(signed)) + state

        return sign

    wait_until(is_known)

    assert client.asks(client.by_key("git", key, signature(0x00))) == FAILURE
    assert client.asks(client.by_key("git", key, signature(0x04))) == FAILURE
    assert client.asks(client.by_key("git", key, signature(0x01))) == SUCCESS


@pytest.mark.parametrize(
    "blob",
    [
        b"(" * 16_000,
        NS(b"ssh-rsa") + NS(b"\1\0\1") + NS(b"\x7f" + b"\xff" * 15_000),
        NS(b"ssh-rsa") + NS(b"\x7f" + b"\xff" * 7_000) + NS(b"\x7f" + b"\xff" * 7_000),
        NS(b"ssh-rsa") + NS(b"") + NS(b""),
        NS(b"ssh-dss") + 4 * NS(b"\x7f" * 4_000),
        NS(b"ssh-ed25519") + NS(b"\xff" * 32) + b"more",
        NS(b"ssh-rsa-cert-v01@openssh.com") + bytes(4000),
    ],
    ids=["parentheses", "huge modulus", "huge exponent", "zeros", "dsa", "longer", "certificate"],
)
def test_cve_2026_39829_a_key_is_judged_before_it_is_parsed(client: Any, blob: bytes) -> None:
    """x/crypto: huge parameters. conch: a blob of parentheses, 16.7 seconds a megabyte, before any login."""
    for algorithm in (b"rsa-sha2-512", b"ssh-rsa", b"ssh-ed25519"):
        request = NS(b"git") + NS(b"ssh-connection") + NS(b"publickey") + b"\0" + NS(algorithm) + NS(blob)
        assert client.asks(request) == FAILURE
    assert client.asks(by_password("bob", "builder")) == SUCCESS


def test_cve_2018_10933_a_client_cannot_say_that_it_is_logged_in(client: Any) -> None:
    """libssh: the server took the client's USERAUTH_SUCCESS for its own. CVE-2018-7749 (asyncssh), CVE-2025-32433
    (Erlang): channels were opened, and commands run, for whoever had not logged in."""
    client.sendPacket(52, b"")
    client.sendPacket(90, NS(b"session") + pack(">3L", 0, 2**20, 32768))
    client.sendPacket(98, pack(">L", 0) + NS(b"exec") + b"\1" + NS(b"info"))

    client.sendPacket(50, by_password("bob", "wrong"))

    client.read_until(lambda: len(client.received) >= 4)
    assert [message for message, _ in client.received] == [UNIMPLEMENTED, UNIMPLEMENTED, UNIMPLEMENTED, FAILURE]


def test_a_password_among_a_thousand_that_are_sent_at_once_is_not_found(client: Any) -> None:
    """conch: 1,001 guesses in one write, the last one right, had logged in after 0.14 s."""
    guesses = [by_password("bob", f"guess {number}") for number in range(300)] + [by_password("bob", "builder")]
    client.socket.sendall(b"".join(client._writer.packet(50, guess) for guess in guesses))

    assert SUCCESS not in client.wait_until_closed()


def test_a_second_service_request_does_not_bring_new_attempts(client: Any) -> None:
    """conch: SERVICE_REQUEST between the guesses began the count anew, 60 of 60 wrong passwords were tried."""
    assert client.asks(by_password("bob", "wrong")) == FAILURE
    client.sendPacket(5, NS(b"ssh-userauth"))

    assert client.wait_until_closed() == [DISCONNECT]
