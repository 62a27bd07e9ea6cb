"""TLS: what is spoken, and what becomes of a certificate that changes."""

import datetime
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from gitgate.transports.tls import ServerCertificate, TlsFilesUnusable

_HANDSHAKE_STEPS = 10


class Files:
    """A certificate and its key on disk, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self.now = 0.0
        self.told: list[str] = []

    def write(self, name: str, *, with_key: bool = True, days: int = 36500) -> None:
        """A new pair, or only the certificate of one, which is valid so long from the year 2026 on."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begin = datetime.datetime(2026, 1, 1)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + datetime.timedelta(days=days))
            .sign(key, hashes.SHA256())
        )
        self.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        if with_key:
            self.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def served(self) -> ServerCertificate:
        return ServerCertificate(self.certificate, self.key, clock=lambda: self.now)

    def served_at(self, time: datetime.datetime) -> ServerCertificate:
        return ServerCertificate(
            self.certificate, self.key, tell=self.told.append, clock=lambda: self.now, wall_clock=time.timestamp
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.write("first")
    return made


def connect(server: ServerCertificate, prepare: Callable[[SSL.Context], None] = lambda context: None) -> SSL.Connection:
    """The client's end of a finished handshake. Raises SSL.Error where there is none."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    prepare(context)
    ends = SSL.Connection(context, None), server.serverConnectionForTLS(None)
    ends[0].set_connect_state()
    ends[1].set_accept_state()
    for _ in range(_HANDSHAKE_STEPS):
        for here, there in (ends, ends[::-1]):
            try:
                here.do_handshake()
            except SSL.WantReadError:
                pass
            try:
                there.bio_write(here.bio_read(2**16))
            except SSL.WantReadError:
                pass
    return ends[0]


def shown(server: ServerCertificate) -> str:
    certificate = connect(server).get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_tls_1_3_is_spoken(files: Files) -> None:
    assert connect(files.served()).get_protocol_version_name() == "TLSv1.3"


@pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION])
def test_versions_before_tls_1_2_are_refused(files: Files, version: int) -> None:
    def prepare(context: SSL.Context) -> None:
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)

    with pytest.raises(SSL.Error, match="unsupported protocol|alert protocol version"):
        connect(files.served(), prepare)


@pytest.mark.parametrize(
    "cipher", [b"ECDHE-ECDSA-AES128-SHA", b"ECDHE-ECDSA-AES256-SHA384", b"ECDHE-ECDSA-AES256-CCM8"]
)
def test_ciphers_without_a_tag_worth_its_name_are_refused(files: Files, cipher: bytes) -> None:
    def prepare(context: SSL.Context) -> None:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(cipher + b":@SECLEVEL=0")

    with pytest.raises(SSL.Error, match="no shared cipher|handshake failure"):
        connect(files.served(), prepare)


@pytest.mark.parametrize("cipher", [b"ECDHE-ECDSA-AES128-GCM-SHA256", b"ECDHE-ECDSA-CHACHA20-POLY1305"])
def test_the_others_of_tls_1_2_are_taken(files: Files, cipher: bytes) -> None:
    def prepare(context: SSL.Context) -> None:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(cipher)

    assert connect(files.served(), prepare).get_cipher_name() == cipher.decode()


def test_nothing_but_http_1_is_negotiated(files: Files) -> None:
    """HTTP/2 would be spoken by twisted.web's own class, which knows none of our deadlines and limits."""
    offers = {
        (b"h2", b"http/1.1"): b"http/1.1",
        (b"http/1.0",): b"http/1.0",
        (b"h2",): b"",
    }
    server = files.served()
    agreed = {
        offer: connect(server, lambda context, offer=offer: context.set_alpn_protos(list(offer))) for offer in offers
    }
    assert {offer: client.get_alpn_proto_negotiated() for offer, client in agreed.items()} == offers


def test_a_new_certificate_is_shown_to_new_clients_without_a_restart(files: Files) -> None:
    server = files.served()
    before = shown(server)
    files.write("second")
    files.now = 1.0
    assert (before, shown(server)) == ("first", "second")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda files: files.certificate.write_bytes(b"-----BEGIN CERT"), "tls.crt: no certificate in PEM format"),
        (lambda files: files.certificate.write_bytes(b""), "tls.crt: no certificate in PEM format"),
        (lambda files: files.key.write_bytes(b"x"), "tls.key: no unencrypted private key in PEM format"),
        (lambda files: files.write("second", with_key=False), "tls.key is not the key of "),
        (lambda files: files.key.unlink(), "tls.key: No such file or directory"),
    ],
)
def test_a_new_certificate_that_cannot_be_used_leaves_the_old_one(
    files: Files, caplog: pytest.LogCaptureFixture, damage: Callable[[Files], None], told: str
) -> None:
    """1. A renewal writes the certificate, and its disk is full before the key is written. 2. The server ends, or shows
    each client a certificate that it has no key for."""
    server = files.served()
    damage(files)
    files.now = 1.0
    seen = [shown(server), shown(server)]
    files.write("third")
    files.now = 2.0
    seen.append(shown(server))
    assert seen == ["first", "first", "third"]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "what was read before stays in use" in errors[0]
    assert told in errors[0]


@pytest.mark.parametrize("damage", [lambda files: files.key.unlink(), lambda files: files.write("x", with_key=False)])
def test_a_server_does_not_start_with_files_that_it_cannot_use(files: Files, damage: Callable[[Files], None]) -> None:
    damage(files)
    with pytest.raises(TlsFilesUnusable, match=r"tls\.key"):
        files.served()


def test_a_certificate_whose_time_is_over_is_served_and_told(files: Files) -> None:
    """1. A renewal fails for a while. 2. The server is started again: without it, nobody could use ssh either."""
    files.write("late", days=2)
    server = files.served_at(datetime.datetime(2026, 1, 3, 0, 1, tzinfo=datetime.UTC))
    assert shown(server) == "late"
    assert files.told == [
        f"{files.certificate}: the certificate expired on 2026-01-03 at 00:00 UTC, and clients refuse it: renew it"
    ]


def test_a_renewal_to_a_certificate_whose_time_is_over_is_told(files: Files) -> None:
    server = files.served_at(datetime.datetime(2026, 1, 3, 0, 1, tzinfo=datetime.UTC))
    before = list(files.told)
    files.write("old", days=2)
    files.now = 1.0
    assert (before, shown(server)) == ([], "old")
    assert "expired on 2026-01-03" in files.told[0]


def test_a_certificate_whose_time_has_not_come_is_told(files: Files) -> None:
    files.served_at(datetime.datetime(2025, 12, 31, tzinfo=datetime.UTC))
    assert files.told == [
        f"{files.certificate}: the certificate is not valid before 2026-01-01 at 00:00 UTC, and clients refuse it:"
        " is the clock of this machine right?"
    ]


def test_a_server_logs_a_certificate_whose_time_is_over(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    files.write("late", days=2)
    files.served()
    [record] = caplog.records
    assert (record.levelno, "expired on 2026-01-03" in record.getMessage()) == (logging.ERROR, True)
