"""A request to log in over ssh, with the key and the signature in it, which come from nobody yet."""

from gitgate.transports.ssh.auth_request import KeyProof, read_auth_request
from gitgate.transports.ssh.public_key import read_public_key
from gitgate.wire.malformed import Malformed


def fuzz(data: bytes) -> None:
    try:
        request = read_auth_request(data)
        if isinstance(request.proof, KeyProof):
            key = read_public_key(request.proof.algorithm, request.proof.blob)
            assert key.fingerprint.startswith("SHA256:")
            if request.proof.signature is not None:
                assert not key.has_signed(request.proof.signed, request.proof.signature)
    except Malformed:
        pass
