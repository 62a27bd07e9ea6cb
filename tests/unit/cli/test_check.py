import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gitgate.cli import gitgate


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITGATE_CONFIG", raising=False)
    return tmp_path


PLUGINS = "plugins: [{use: tree, root: .}]\n"


def _check(text, file="gitgate.yaml"):
    Path(file).write_text(text)
    ran = CliRunner().invoke(gitgate, ["check", "-c", file])
    return ran.exit_code, ran.stdout.splitlines(), ran.stderr.splitlines()


def test_what_is_fine_is_said_in_short(here):
    code, said, problems = _check("version: 1\nlisten: [{url: git://127.0.0.1:0}]\n" + PLUGINS)

    assert (code, problems) == (0, [])
    assert said[0].startswith("git      /")
    assert said[1:] == ["listen   git://127.0.0.1:0", "plugin   tree", "gitgate.yaml is fine"]


def test_host_keys_that_are_missing_are_announced_and_not_made(here):
    code, said, problems = _check("version: 1\nlisten: [{url: ssh://127.0.0.1:0, host_keys: [host_key]}]\n" + PLUGINS)

    assert (code, problems) == (0, [])
    assert said[1] == f"listen   ssh://127.0.0.1:0; will be made on first start: {here / 'host_key'}"
    assert [path.name for path in here.iterdir()] == ["gitgate.yaml"]


def test_every_problem_has_its_place_and_all_are_told_at_once(here):
    (here / "host_key").write_text("no key")
    (here / "host_key").chmod(0o600)

    code, said, problems = _check(
        "version: 1\n"
        "listen:\n"
        "  - {url: ssh://127.0.0.1:0, host_keys: [host_key]}\n"
        "  - url: https://127.0.0.1:0\n"
        "    tls: {certificate: lost.crt, key: lost.key}\n"
        "  - {url: http+unix:///lost/socket}\n"
        "plugins:\n"
        "  - {use: htpasswd, file: lost.htpasswd}\n"
        "  - {use: tree, root: lost}\n"
        "git: {executable: /lost/git}\n"
    )

    assert (code, said) == (78, [])
    assert [line.split(": ")[:2] for line in problems] == [
        ["gitgate.yaml:3:42", "listen[0].host_keys[0]"],
        ["gitgate.yaml:5:5", "listen[1].tls"],
        ["gitgate.yaml:6:6", "listen[2].url"],
        ["gitgate.yaml:8:21", "plugins[0].file"],
        ["gitgate.yaml:9:17", "plugins[1].root"],
        ["gitgate.yaml:10:7", "git.executable"],
    ]
    assert all("lost" in line or "host_key" in line for line in problems)


def test_a_missing_git_is_told_at_the_file_where_no_key_names_one(here, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    code, _, problems = _check("version: 1\nlisten: [{url: git://127.0.0.1:0}]\n" + PLUGINS)

    assert code == 78
    assert problems == ["gitgate.yaml:1:1: git.executable: git: no such program; install git, or set git.executable"]


def test_what_works_and_is_dangerous_is_a_warning_with_its_place(here):
    (here / "users").touch()
    (here / "users").chmod(0o666)

    code, said, problems = _check(
        "version: 1\n"
        "listen:\n"
        "  - {url: git://127.0.0.1:0}\n"
        "  - {url: http://0.0.0.0:0}\n"
        "plugins:\n"
        "  - {use: htpasswd, file: users}\n"
        '  - {use: rules, rules: [{repos: ["**"], who: [everyone], allow: [write]}]}\n'
    )

    assert (code, said[-1]) == (0, "gitgate.yaml is usable, with 3 warnings")
    assert [line.split(": ")[:4] for line in problems] == [
        ["WARNING", "gitgate.yaml:4:5", "listen[1]", "passwords come readably over http://0.0.0.0:0"],
        ["WARNING", "gitgate.yaml:6:21", "plugins[0].file", str(here / "users")],
        ["WARNING", "gitgate.yaml:7:5", "plugins[1]", "whoever can connect may push without a login"],
    ]


def test_a_certificate_whose_time_is_over_is_a_problem_with_the_date(here):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begin = datetime.datetime(2020, 1, 1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + datetime.timedelta(days=90))
    (here / "crt").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (here / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (here / "key").chmod(0o600)

    code, _, problems = _check(
        "version: 1\nlisten: [{url: https://127.0.0.1:0, tls: {certificate: crt, key: key}}]\n" + PLUGINS
    )

    assert (code, problems) == (
        78,
        [
            f"gitgate.yaml:2:43: listen[0].tls.certificate: {here / 'crt'}: the certificate expired on 2020-03-31"
            " at 00:00 UTC, and clients refuse it: renew it"
        ],
    )


def test_what_a_plugin_warns_of_is_said_as_well(here, capfd):
    always = '{repos: ["**"], who: [everyone], allow: [read]}'
    never = '{repos: ["a"], who: [bob], allow: [read]}'

    code, said, problems = _check(
        f"version: 1\nlisten: [{{url: git://127.0.0.1:0}}]\nplugins: [{{use: rules, rules: [{always}, {never}]}}]\n"
    )

    assert (code, problems, said[-1]) == (0, [], "gitgate.yaml is usable, with 1 warning")
    assert "warning gitgate_rules.plugin: rules[1] never decides" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (".", "is a folder"),
        ("lost/audit.jsonl", "the folder for it does not exist"),
        ("gitgate.yaml/audit.jsonl", "the folder for it does not exist"),
    ],
)
def test_an_audit_log_that_cannot_be_opened_is_told_at_its_key(here, file, problem):
    code, _, problems = _check(f"version: 1\nlisten: [{{url: git://127.0.0.1:0}}]\naudit: {{file: {file}}}\n" + PLUGINS)

    assert (code, problems) == (78, [f"gitgate.yaml:3:9: audit.file: {here / file}: {problem}"])


@pytest.mark.parametrize(("file", "lines"), [("audit.jsonl", ["audit    {here}/audit.jsonl"]), ('"-"', [])])
def test_an_audit_log_that_will_be_made_is_not_made(here, file, lines):
    code, said, _ = _check(f"version: 1\nlisten: [{{url: git://127.0.0.1:0}}]\naudit: {{file: {file}}}\n" + PLUGINS)

    assert (code, said[2:]) == (
        0,
        [*(line.format(here=here) for line in lines), "plugin   tree", "gitgate.yaml is fine"],
    )
    assert [path.name for path in here.iterdir()] == ["gitgate.yaml"]
