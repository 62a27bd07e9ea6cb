"""`type base64` into a blob: whole, of the stated type, and of a bearable size."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
from gitgate_authorized_keys.bad_line import BadLine
from gitgate_authorized_keys.public_key import KEY_TYPES, parse_public_key
from hypothesis import given
from hypothesis import strategies as st


def refusal(key_type: str, text: str) -> str:
    with pytest.raises(BadLine) as caught:
        parse_public_key(key_type, text)
    return str(caught.value)


def rsa_key(key_of: Any, bits: int) -> Any:
    modulus = (1 << (bits - 1)) | 1
    return key_of(b"ssh-rsa", b"\x01\x00\x01", modulus.to_bytes(bits // 8 + 1, "big"))


@pytest.mark.parametrize("name", ["ed25519", "p256", "p384", "p521", "rsa", "sk-ed25519", "sk-p256"])
def test_every_type_that_openssh_reads_is_read(keys: dict[str, Any], name: str, tmp_path: Path) -> None:
    key = keys[name]
    (tmp_path / "key.pub").write_text(key.line)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")], check=True, capture_output=True, text=True
    )

    blob = parse_public_key(key.type, key.text)

    assert (blob, listed.stdout.split()[1]) == (key.blob, key.fingerprint)


def test_a_dss_key_is_refused_because_it_signs_with_sha1(key_of: Any) -> None:
    key = key_of(b"ssh-dss", b"\x01", b"\x02", b"\x03", b"\x04")

    assert refusal(key.type, key.text) == (
        "ssh-dss keys sign with SHA-1 only, and are not accepted; make an ed25519 key"
    )


def test_a_key_that_is_not_of_the_stated_type_is_refused(keys: dict[str, Any]) -> None:
    assert refusal("ssh-ed25519", keys["rsa"].text) == "the line says ssh-ed25519, but the key in it is 'ssh-rsa'"


@pytest.mark.parametrize("bits", [1024, 2048, 16384])
def test_rsa_keys_of_openssh_sizes_are_read(key_of: Any, bits: int) -> None:
    key = rsa_key(key_of, bits)

    assert parse_public_key(key.type, key.text) == key.blob


@pytest.mark.parametrize("bits", [8, 1023, 16385])
def test_rsa_keys_beyond_openssh_sizes_are_refused(key_of: Any, bits: int) -> None:
    """A key of 512 bits is factored in hours; one of a million bits makes each login cost minutes of CPU."""
    key = rsa_key(key_of, bits)

    assert refusal(key.type, key.text) == (
        f"an RSA key of {bits} bits is not accepted: 1024 to 16384 are; make an ed25519 key"
    )


def test_a_negative_rsa_modulus_is_refused(key_of: Any) -> None:
    key = key_of(b"ssh-rsa", b"\x01\x00\x01", b"\xff" * 256)

    assert "RSA key" in refusal(key.type, key.text)


def test_a_huge_blob_is_refused(key_of: Any) -> None:
    key = key_of(b"ssh-rsa", b"\x01\x00\x01", b"\x01" * 5000)

    assert refusal(key.type, key.text) == "the key has 5022 bytes; no key needs more than 4096"


@pytest.mark.parametrize("keep", [4, 20, 40, 64])
def test_a_key_that_was_cut_off_is_refused(keys: dict[str, Any], keep: int) -> None:
    """A terminal's copy lost the end: base64 cut at a multiple of four still decodes."""
    assert "damaged" in refusal("ssh-ed25519", keys["ed25519"].text[:keep])


def test_a_key_with_something_behind_it_is_refused(keys: dict[str, Any]) -> None:
    text = base64.b64encode(keys["ed25519"].blob + b"\x00\x00\x00\x00").decode()

    assert refusal("ssh-ed25519", text) == "the key is damaged: it has 2 fields, ssh-ed25519 has 1"


@pytest.mark.parametrize("text", ["A", "AAA", "AA AA", "ÄÄÄÄ", "AAAA\n", "\udcff\udcff\udcff\udcff"])
def test_what_is_not_base64_is_refused(text: str) -> None:
    assert refusal("ssh-ed25519", text) == "the key is not base64; was it cut off or wrapped?"


@given(key_type=st.sampled_from(sorted(KEY_TYPES)), text=st.text())
def test_no_text_raises_anything_but_bad_line(key_type: str, text: str) -> None:
    with pytest.raises(BadLine):
        parse_public_key(key_type, text)


@given(key_type=st.sampled_from(sorted(KEY_TYPES)), blob=st.binary(max_size=100), own_type=st.booleans())
def test_a_blob_is_returned_as_it_is_or_refused(key_type: str, blob: bytes, own_type: bool) -> None:
    if own_type:
        blob = len(key_type).to_bytes(4, "big") + key_type.encode() + blob
    try:
        parsed = parse_public_key(key_type, base64.b64encode(blob).decode())
    except BadLine:
        return
    assert parsed == blob
