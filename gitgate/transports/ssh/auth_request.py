"""A client's request to be logged in (RFC 4252), read into a value."""

from dataclasses import dataclass, field
from typing import TypeAlias

from gitgate.transports.ssh.fields import Fields


@dataclass(frozen=True, slots=True)
class NoProof:
    """The method "none", by which clients ask which methods there are; or one that is not known here."""


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """A password. `is_change` asks to replace it by another one (RFC 4252 section 8)."""

    password: bytes = field(repr=False)
    is_change: bool


@dataclass(frozen=True, slots=True)
class KeyProof:
    """A public key: with a signature, or without one where the client only asks whether the key would do.

    `signed` is what the signature has to cover, after the session identifier (RFC 4252 section 7).
    """

    algorithm: bytes
    blob: bytes
    signature: bytes | None
    signed: bytes


Proof: TypeAlias = NoProof | PasswordProof | KeyProof


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """Who wants to be logged in for which service, and by what."""

    username: bytes
    service: bytes
    method: bytes
    proof: Proof

    @property
    def is_question(self) -> bool:
        """Nothing is proved by it: the client only asks what would do."""
        match self.proof:
            case NoProof() | KeyProof(signature=None):
                return True
            case _:
                return False


def read_auth_request(packet: bytes) -> AuthRequest:
    """The request in the payload of a USERAUTH_REQUEST, behind its message number. Raises `Malformed`."""
    fields = Fields(packet)
    username, service, method = fields.string(), fields.string(), fields.string()
    proof: Proof = NoProof()
    if method == b"password":
        is_change = fields.boolean()
        proof = PasswordProof(fields.string(), is_change)
    elif method == b"publickey":
        has_signature = fields.boolean()
        algorithm, blob = fields.string(), fields.string()
        signature = fields.string() if has_signature else None
        fields.end()
        covered = packet if signature is None else packet[: -4 - len(signature)]
        proof = KeyProof(algorithm, blob, signature, covered)
    return AuthRequest(username, service, method, proof)
