import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from struct import pack

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh.common import MP, NS
from twisted.conch.ssh.keys import Key

from gitgate.transports.ssh.public_key import SIGNATURE_ALGORITHMS, read_public_key
from gitgate.wire.malformed import Malformed

MESSAGE = b"what is signed"


def made(kind: str) -> Key:
    match kind:
        case "ed25519":
            return Key(ed25519.Ed25519PrivateKey.generate())
        case "rsa":
            return Key(rsa.generate_private_key(65537, 2048))
        case "256":
            return Key(ec.generate_private_key(ec.SECP256R1()))
        case "384":
            return Key(ec.generate_private_key(ec.SECP384R1()))
        case _:
            return Key(ec.generate_private_key(ec.SECP521R1()))


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        ("ed25519", b"ssh-ed25519"),
        ("256", b"ecdsa-sha2-nistp256"),
        ("384", b"ecdsa-sha2-nistp384"),
        ("521", b"ecdsa-sha2-nistp521"),
        ("rsa", b"rsa-sha2-256"),
        ("rsa", b"rsa-sha2-512"),
    ],
)
def test_a_key_knows_its_own_signature(kind: str, algorithm: bytes) -> None:
    key = made(kind)
    offered = read_public_key(algorithm, key.public().blob())
    signature = key.sign(MESSAGE, signatureType=algorithm)

    assert offered.has_signed(MESSAGE, signature)
    assert not offered.has_signed(MESSAGE + b"!", signature)
    assert not offered.has_signed(MESSAGE, signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not read_public_key(algorithm, made(kind).public().blob()).has_signed(MESSAGE, signature)


def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    printed = subprocess.run(["ssh-keygen", "-l", "-f", tmp_path / "key"], check=True, capture_output=True, text=True)
    blob = Key.fromFile(str(tmp_path / "key.pub")).blob()

    offered = read_public_key(b"ssh-ed25519", blob)

    assert (offered.type, offered.fingerprint) == ("ssh-ed25519", printed.stdout.split()[1])


def test_rsa_with_sha1_is_not_offered_and_not_taken() -> None:
    """`ssh-rsa` is the name of a key type, and of signatures with SHA-1, for which collisions are made."""
    key = made("rsa")
    blob = key.public().blob()

    assert b"ssh-rsa" not in SIGNATURE_ALGORITHMS
    with pytest.raises(Malformed, match="ssh-rsa with a key of type ssh-rsa is not taken"):
        read_public_key(b"ssh-rsa", blob)
    sha1 = key.sign(MESSAGE, signatureType=b"ssh-rsa")
    assert not read_public_key(b"rsa-sha2-512", blob).has_signed(MESSAGE, sha1)


def test_a_signature_by_another_algorithm_than_the_one_named_is_refused() -> None:
    key = made("rsa")

    offered = read_public_key(b"rsa-sha2-512", key.public().blob())

    assert not offered.has_signed(MESSAGE, key.sign(MESSAGE, signatureType=b"rsa-sha2-256"))


@pytest.mark.parametrize("signature", [b"", b"\0\0\0\x0bssh-ed25519", NS(b"ssh-ed25519") + NS(b"short"), b"x" * 40])
def test_what_is_no_signature_is_a_wrong_one(signature: bytes) -> None:
    assert not read_public_key(b"ssh-ed25519", made("ed25519").public().blob()).has_signed(MESSAGE, signature)


@pytest.mark.parametrize(
    ("algorithm", "blob"),
    [
        (b"ssh-ed25519", NS(b"ssh-rsa") + MP(3) + MP(2**2047 + 1)),
        (b"ssh-dss", NS(b"ssh-dss")),
        (b"ssh-ed25519-cert-v01@openssh.com", NS(b"ssh-ed25519-cert-v01@openssh.com")),
        (b"ssh-ed25519", NS(b"ssh-ed25519") + NS(b"x" * 31)),
        (b"ssh-ed25519", NS(b"ssh-ed25519")),
        (b"ecdsa-sha2-nistp256", NS(b"ecdsa-sha2-nistp256") + NS(b"nistp256") + NS(b"\x04" + b"\1" * 64)),
        (b"ecdsa-sha2-nistp256", NS(b"ecdsa-sha2-nistp256") + NS(b"nistp256") + NS(b"")),
        (b"rsa-sha2-512", NS(b"ssh-rsa") + MP(0) + MP(0)),
        (b"rsa-sha2-512", NS(b"ssh-rsa") + MP(3) + MP(2**511 + 1)),
        (b"rsa-sha2-512", NS(b"ssh-rsa") + MP(3) + MP(2**17000 + 1)),
        (b"rsa-sha2-512", NS(b"ssh-rsa") + b"\xff\xff\xff\xff"),
        (b"\xff", b""),
        (b"", NS(b"")),
    ],
)
def test_a_key_that_is_not_taken_is_malformed(algorithm: bytes, blob: bytes) -> None:
    with pytest.raises(Malformed):
        read_public_key(algorithm, blob)


def test_a_blob_of_parentheses_is_never_parsed() -> None:
    """One unauthenticated packet: conch takes a blob that starts with "(" for an s-expression, and its parser is
    quadratic. A megabyte stopped the whole server for 16.7 seconds."""
    with pytest.raises(Malformed, match="longer than 16384 bytes"):
        read_public_key(b"ssh-ed25519", b"(" * 1_000_000)
    with pytest.raises(Malformed, match="ends within a field"):
        read_public_key(b"ssh-ed25519", b"(" * 16_000)


def test_the_same_key_in_other_bytes_is_refused() -> None:
    """Plugins know a key by its bytes. One that was revoked comes back with a byte behind it, or with its point
    compressed, and is a key that nobody has revoked."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    numbers = key.public_numbers()
    compressed = bytes([2 + numbers.y % 2]) + numbers.x.to_bytes(32, "big")
    blob = NS(b"ecdsa-sha2-nistp256") + NS(b"nistp256") + NS(compressed)

    with pytest.raises(Malformed, match="not written as keys are"):
        read_public_key(b"ecdsa-sha2-nistp256", blob)
    with pytest.raises(Malformed, match="not written as keys are"):
        read_public_key(b"ecdsa-sha2-nistp256", Key(key).blob() + b"\0")


APPLICATION = b"ssh:"
Token = Callable[[int], tuple[bytes, bytes, bytes]]


@pytest.fixture(params=["ed25519", "ecdsa"])
def token(request: pytest.FixtureRequest) -> Token:
    """A security key in software (OpenSSH PROTOCOL.u2f): algorithm, blob and signature, for these flags."""

    def sign(flags: int) -> tuple[bytes, bytes, bytes]:
        state = bytes([flags]) + pack(">L", 1)
        signed = sha256(APPLICATION).digest() + state + sha256(MESSAGE).digest()
        if request.param == "ed25519":
            private = ed25519.Ed25519PrivateKey.generate()
            algorithm = b"sk-ssh-ed25519@openssh.com"
            blob = NS(algorithm) + NS(private.public_key().public_bytes_raw()) + NS(APPLICATION)
            return algorithm, blob, NS(algorithm) + NS(private.sign(signed)) + state
        key = made("256")
        algorithm = b"sk-ecdsa-sha2-nistp256@openssh.com"
        blob = NS(algorithm) + key.public().blob()[4 + len(b"ecdsa-sha2-nistp256") :] + NS(APPLICATION)
        return algorithm, blob, NS(algorithm) + key.sign(signed)[4 + len(b"ecdsa-sha2-nistp256") :] + state

    return sign


def test_a_security_key_that_was_touched_has_signed(token: Token) -> None:
    algorithm, blob, signature = token(0x01)

    assert read_public_key(algorithm, blob).has_signed(MESSAGE, signature)


def test_a_security_key_that_nobody_touched_is_refused(token: Token) -> None:
    """CVE-2026-39831: malware asks the plugged-in key to sign without the touch; conch verifies that as True."""
    algorithm, blob, signature = token(0x00)

    assert not read_public_key(algorithm, blob).has_signed(MESSAGE, signature)


def test_the_flags_of_a_security_key_are_signed_too(token: Token) -> None:
    algorithm, blob, signature = token(0x00)

    assert not read_public_key(algorithm, blob).has_signed(MESSAGE, signature[:-5] + b"\x01" + signature[-4:])
