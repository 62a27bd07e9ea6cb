import pytest
from twisted.conch.ssh.common import NS

from gitgate.transports.ssh.auth_request import (
    AuthRequest,
    KeyProof,
    NoProof,
    PasswordProof,
    read_auth_request,
)
from gitgate.wire.malformed import Malformed

START = NS(b"alice") + NS(b"ssh-connection")


def test_a_password() -> None:
    request = read_auth_request(START + NS(b"password") + b"\0" + NS(b"secret"))

    assert request == AuthRequest(b"alice", b"ssh-connection", b"password", PasswordProof(b"secret", is_change=False))


def test_a_password_does_not_show() -> None:
    request = read_auth_request(START + NS(b"password") + b"\0" + NS(b"secret"))

    assert "secret" not in repr(request)


def test_a_question_about_a_key() -> None:
    packet = START + NS(b"publickey") + b"\0" + NS(b"ssh-ed25519") + NS(b"blob")

    assert read_auth_request(packet).proof == KeyProof(b"ssh-ed25519", b"blob", None, packet)


def test_a_signature_covers_all_that_stands_before_it() -> None:
    packet = START + NS(b"publickey") + b"\1" + NS(b"ssh-ed25519") + NS(b"blob")

    assert read_auth_request(packet + NS(b"signature")).proof == KeyProof(b"ssh-ed25519", b"blob", b"signature", packet)


@pytest.mark.parametrize("method", [b"none", b"keyboard-interactive", b"hostbased", b"\xff"])
def test_other_methods_prove_nothing(method: bytes) -> None:
    assert read_auth_request(START + NS(method) + b"anything").proof == NoProof()


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        NS(b"alice"),
        START,
        START + b"\0\0\xff\xffnone",
        START + NS(b"password"),
        START + NS(b"password") + b"\0\0\0\0\x09short",
        START + NS(b"publickey") + b"\1" + NS(b"ssh-ed25519") + NS(b"blob"),
        START + NS(b"publickey") + b"\0" + NS(b"ssh-ed25519") + NS(b"blob") + b"more",
    ],
)
def test_a_request_that_is_cut_off_or_too_long_is_malformed(packet: bytes) -> None:
    with pytest.raises(Malformed):
        read_auth_request(packet)
