"""TLS to the service: it is who it says, and so is gitgate."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from gitgate_webhook.failures import NoAnswer
from gitgate_webhook.settings import Tls

from gitgate.plugin import Allow, SettingsError
from gitgate.testing import a_fetch, a_repository, an_identity

QUESTION = (an_identity(), a_fetch(), a_repository())


class Pair(NamedTuple):
    certificate: Path
    key: Path


class Authority:
    """A private authority, which makes certificates with openssl."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._ca = self._make(name, "-addext", "basicConstraints=critical,CA:TRUE")
        self.file = self._ca.certificate

    def certify(self, name: str) -> Pair:
        issued = ("-CA", self._ca.certificate, "-CAkey", self._ca.key, "-addext", f"subjectAltName=DNS:{name}")
        return self._make(f"{self.file.stem}-{name}", *issued)

    def _make(self, name: str, *more: str | Path) -> Pair:
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", pair.key)
        command = ("openssl", "req", "-x509", *key, "-out", pair.certificate, "-days", "30", "-subj", f"/CN={name}")
        subprocess.run([str(part) for part in (*command, *more)], check=True, capture_output=True)
        return pair


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    return Authority(tmp_path_factory.mktemp("authority"), "corp")


@pytest.fixture(scope="module")
def another_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("another"), "mallory")


def failure(run: Any, policy: Any) -> str:
    with pytest.raises(NoAnswer) as raised:
        run(policy.authorize(*QUESTION))
    return str(raised.value)


def test_a_private_authority_is_trusted_where_it_is_named_and_nowhere_else(
    starting: Any, plugin: Any, run: Any, tag: str, authority: Authority, another_authority: Authority
) -> None:
    secured = starting("0", *authority.certify("localhost"))
    url = secured.url(tag)
    assert run(plugin(url, tls=Tls(ca_file=authority.file)).authorize(*QUESTION)) == Allow("said so")
    for tls in (Tls(), Tls(ca_file=another_authority.file)):
        assert failure(run, plugin(url, tls=tls)) == "TLS: certificate verify failed"
    assert len(secured.received(tag)) == 1


def test_a_certificate_for_another_name_is_not_accepted(
    starting: Any, plugin: Any, run: Any, tag: str, authority: Authority
) -> None:
    """1. mallory has a certificate of the same authority. 2. She stands in for the service, and allows everything."""
    secured = starting("0", *authority.certify("mallory.example.org"))
    said = failure(run, plugin(secured.url(tag), tls=Tls(ca_file=authority.file)))
    assert said == "TLS: its certificate is for another host name"
    assert secured.received(tag) == []


def test_a_service_that_wants_a_client_certificate_gets_the_one_that_is_configured(
    starting: Any, plugin: Any, run: Any, tag: str, authority: Authority, another_authority: Authority
) -> None:
    secured = starting("0", *authority.certify("localhost"), authority.file)

    def showing(pair: Pair | None) -> Any:
        files = {} if pair is None else pair._asdict()
        return plugin(secured.url(tag), tls=Tls(ca_file=authority.file, **files))

    assert run(showing(authority.certify("gitgate")).authorize(*QUESTION)) == Allow("said so")
    for wrong in (None, another_authority.certify("gitgate")):
        assert failure(run, showing(wrong)).startswith(("TLS: ", "it closed the connection"))
    assert len(secured.received(tag)) == 1


def test_files_that_cannot_be_used_are_told_before_anything_is_asked(
    plugin: Any, authority: Authority, another_authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").touch()
    good = authority.certify("gitgate")
    told = {}
    for name, tls in {
        "missing": Tls(ca_file=tmp_path / "nowhere.pem"),
        "empty": Tls(ca_file=tmp_path / "empty.pem"),
        "no key": Tls(certificate=good.certificate, key=good.certificate),
        "another key": Tls(certificate=good.certificate, key=another_authority.certify("x").key),
    }.items():
        with pytest.raises(SettingsError) as raised:
            plugin("https://localhost/", tls=tls)
        told[name] = str(raised.value)
    assert told == {
        "missing": f"{tmp_path}/nowhere.pem: cannot be read: No such file or directory",
        "empty": f"{tmp_path}/empty.pem: holds no certificate in PEM format that can be used",
        "no key": f"{good.certificate}: holds no key in PEM format that can be used",
        "another key": f"{another_authority.file.parent}/mallory-x.key is not the key of {good.certificate}",
    }
