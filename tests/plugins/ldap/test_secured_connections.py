"""What goes over the network can be read by nobody, and goes to the server that was meant."""

import re
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fake_directory import BIND, BIND_ANSWER, EXTENDED, EXTENDED_ANSWER, answer, operation, result
from gitgate_ldap.errors import DirectoryError
from waiting import wait_until

from gitgate.plugin import Identity, SettingsError


def _trusting(slapd, **more):
    return {"tls": {"ca_file": str(slapd.ca_file), **more}}


def test_ldaps_logs_in(ldap, log_in, slapd):
    assert isinstance(log_in(ldap(uris=[slapd.ldaps], **_trusting(slapd)), "bob"), Identity)


def test_starttls_secures_every_connection_before_anything_else_is_sent(ldap, log_in, another_slapd):
    directory = another_slapd()
    assert isinstance(log_in(ldap(uris=[directory.ldap], **_trusting(directory, mode="starttls")), "bob"), Identity)
    operations = re.findall(
        r"conn=(\d+) op=(\d+) (EXT oid=1\.3\.6\.1\.4\.1\.1466\.20037|BIND .* method)", directory.log()
    )
    first = [what.partition(" ")[0] for _, operation, what in operations if operation == "0"]
    second = [what.partition(" ")[0] for _, operation, what in operations if operation == "1"]
    assert (first, second) == (["EXT", "EXT"], ["BIND", "BIND"])
    assert len(re.findall("TLS established", directory.log())) == 2


def test_ldapi_logs_in(ldap, log_in, slapd):
    assert isinstance(log_in(ldap(uris=[slapd.ldapi]), "bob"), Identity)


@pytest.mark.parametrize(("scheme", "mode"), [("ldaps", "auto"), ("ldap", "starttls")])
def test_a_certificate_for_another_name_is_not_accepted(scheme, mode, ldap, log_in, slapd):
    """1. mallory stands in for the directory, with a good certificate of her own. 2. People send her passwords."""
    uri = {"ldaps": slapd.ldaps, "ldap": slapd.ldap}[scheme].replace("localhost", "127.0.0.1")
    binds_before = [each for each in slapd.operations() if " BIND " in each]
    with pytest.raises(DirectoryError, match="certificate is not valid for '127.0.0.1'"):
        log_in(ldap(uris=[uri], **_trusting(slapd, mode=mode)), "bob")
    assert [each for each in slapd.operations() if " BIND " in each] == binds_before


@pytest.mark.parametrize(("scheme", "mode"), [("ldaps", "auto"), ("ldap", "starttls")])
def test_a_certificate_of_an_unknown_authority_is_not_accepted(scheme, mode, ldap, log_in, slapd):
    uri = {"ldaps": slapd.ldaps, "ldap": slapd.ldap}[scheme]
    with pytest.raises(DirectoryError, match="self-signed certificate; tls.ca_file must hold the authority"):
        log_in(ldap(uris=[uri], tls={"mode": mode}), "bob")


@pytest.mark.parametrize(("begins", "ends", "words"), [(-9, -2, "has expired"), (2, 9, "not yet valid")])
def test_of_a_certificate_that_is_not_valid_now_the_dates_are_blamed(begins, ends, words, ldap, log_in, tmp_path):
    """And not the authority, for which an operator would look in vain."""
    key, today = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    dates = x509.CertificateBuilder(
        name, name, key.public_key(), 1, today + timedelta(days=begins), today + timedelta(days=ends)
    )
    certificate = dates.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    pem = certificate.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    (tmp_path / "tls.crt").write_bytes(pem)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "tls.pem").write_bytes(secret + pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "tls.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def shake_hands():
            client, _ = listening.accept()
            with client, suppress(OSError):
                context.wrap_socket(client, server_side=True)

        threading.Thread(target=shake_hands, daemon=True).start()
        plugin = ldap(
            uris=[f"ldaps://localhost:{listening.getsockname()[1]}"], tls={"ca_file": str(tmp_path / "tls.crt")}
        )
        with pytest.raises(DirectoryError, match=f"{words}; compare its dates with the clock of this machine"):
            log_in(plugin, "bob")


def test_verification_can_be_switched_off_where_it_is_spelled_out(ldap, log_in, slapd):
    plugin = ldap(uris=[slapd.ldaps.replace("localhost", "127.0.0.1")], tls={"verify": False})
    assert isinstance(log_in(plugin, "bob"), Identity)


def test_a_server_without_starttls_gets_no_password(ldap, log_in, fake):
    """1. mallory sits between gitgate and the directory. 2. She answers StartTLS with an error. 3. She reads on."""
    server = fake(lambda request: answer(request, result(EXTENDED_ANSWER, 2, "unsupported extended operation")))
    plugin = ldap(uris=[server.uri], tls={"mode": "starttls", "verify": False})
    with pytest.raises(DirectoryError, match="startTLS failed - protocolError"):
        log_in(plugin, "bob")
    assert [operation(request) for request in server.received][:1] == [EXTENDED]
    assert BIND not in [operation(request) for request in server.received]


def test_an_answer_that_was_slipped_in_before_tls_began_is_not_taken(ldap, log_in, fake):
    """1. mallory adds to the answer to StartTLS one to the bind that will follow. 2. It is read after TLS began."""
    next_bind = result(BIND_ANSWER, 0)

    def slip_in(request: bytes) -> bytes:
        later = bytearray(answer(request, next_bind))
        last = 3 + later[3]
        later[last] = (later[last] + 1) % 256
        return answer(request, result(EXTENDED_ANSWER, 0)) + bytes(later)

    server = fake(slip_in)
    plugin = ldap(uris=[server.uri], tls={"mode": "starttls", "verify": False})
    with pytest.raises(DirectoryError):
        log_in(plugin, "bob")
    assert b"service-password" not in b"".join(server.received)


@pytest.mark.parametrize(
    ("uri", "tls", "says"),
    [
        ("ldap://ldap.example.org", {}, "passwords would go over the network readably; write ldaps://"),
        ("ldap://192.0.2.1", {}, "passwords would go over the network readably"),
        ("ldaps://ldap.example.org", {"mode": "none"}, "ldaps:// is always secured"),
        ("ldaps://ldap.example.org", {"mode": "starttls"}, "StartTLS is for ldap://"),
        ("ldap://localhost", {"ca_file": "/ca.pem"}, "none of these servers is spoken to over TLS"),
    ],
)
def test_a_contradiction_between_servers_and_tls_is_an_error(uri, tls, says, ldap):
    with pytest.raises(ValueError, match=says):
        ldap(uris=[uri], tls=tls)


@pytest.mark.parametrize("uri", ["ldap://localhost", "ldap://127.9.9.9:3389", "ldap://[::1]", "ldapi:///run/slapd"])
def test_this_machine_may_be_spoken_to_without_tls(uri, ldap):
    ldap(uris=[uri])


def test_plain_ldap_to_another_machine_has_to_be_spelled_out(ldap):
    ldap(uris=["ldap://ldap.example.org"], tls={"mode": "none"})


def test_an_authority_that_cannot_be_read_is_an_error_before_the_start(ldap, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(SettingsError, match=f"ca_file: .*{name} holds no certificates that can be read"):
            ldap(uris=["ldaps://localhost"], tls={"ca_file": str(tmp_path / name)})


def test_a_client_certificate_is_shown_to_a_server_that_wants_one(ldap, log_in, another_slapd, tmp_path):
    directory = another_slapd(tls_clients="demand")
    with pytest.raises(DirectoryError):
        log_in(ldap(uris=[directory.ldaps], **_trusting(directory)), "bob")
    pair = {"cert": str(directory.ca_file), "key": str(directory.key_file)}
    assert isinstance(log_in(ldap(uris=[directory.ldaps], **_trusting(directory, **pair)), "bob"), Identity)
    with pytest.raises(SettingsError, match="no pair that can be read"):
        ldap(uris=[directory.ldaps], **_trusting(directory, cert=str(directory.ca_file), key=str(directory.ca_file)))


def test_a_server_of_an_older_tls_than_wanted_is_not_spoken_to(ldap, log_in, slapd, tmp_path):
    """`openssl s_server` with TLS 1.2 alone: what slapd can be told to speak depends on what it was built with."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    files = ["-cert", slapd.ca_file, "-key", slapd.key_file]
    server = subprocess.Popen(
        [openssl, "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-tls1_2", *files],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _is_open(port), "openssl does not listen")
        uri = f"ldaps://localhost:{port}"
        with pytest.raises(DirectoryError, match=r"TLS failed: TLSV1_ALERT_PROTOCOL_VERSION|TLS failed: .*VERSION"):
            log_in(ldap(uris=[uri], **_trusting(slapd, min_version="1.3")), "bob")
    finally:
        server.kill()
        server.wait()


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_ldap3_is_known_to_one_module():
    package = Path(__import__("gitgate_ldap").__file__).parent
    importers = [
        path.name for path in package.glob("*.py") if re.search(r"^\s*(import|from) ldap3", path.read_text(), re.M)
    ]
    assert importers == ["ldap3_connection.py"]
