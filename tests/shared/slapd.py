"""Debian's slapd, run by whoever runs the tests, on free ports of this machine, with a small company in it.

The company is in SEED. Passwords are the user's name and `-password`, in plain text: the tests are not about hashes.
"""

import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from freezing import freeze

SUFFIX: Final = "dc=example,dc=org"
PEOPLE: Final = f"ou=people,{SUFFIX}"
GROUPS: Final = f"ou=groups,{SUFFIX}"
SERVICE: Final = f"cn=gitgate,{SUFFIX}"
SERVICE_PASSWORD: Final = "service-password"
ADMIN: Final = f"cn=admin,{SUFFIX}"
ADMIN_PASSWORD: Final = "admin-password"

#: The attributes and classes of openssh-lpk, and as much of Active Directory's and FreeIPA's as filters name.
_SCHEMA: Final = """
attributetype ( 1.3.6.1.4.1.24552.500.1.1.1.13 NAME 'sshPublicKey'
  EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.3.6.1.4.1.24552.500.1.1.2.0 NAME 'ldapPublicKey' SUP top AUXILIARY MAY ( sshPublicKey $ uid ) )
attributetype ( 1.3.6.1.4.1.99999.1.1 NAME 'sAMAccountName'
  EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.2 NAME 'userAccountControl'
  EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.3 NAME 'objectCategory'
  EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.4 NAME 'nsAccountLock'
  EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.5 NAME 'ipaSshPubKey'
  EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'user' SUP inetOrgPerson STRUCTURAL
  MAY ( sAMAccountName $ userAccountControl $ objectCategory ) )
objectclass ( 1.3.6.1.4.1.99999.2.2 NAME 'group' SUP top STRUCTURAL MUST cn MAY member )
objectclass ( 1.3.6.1.4.1.99999.2.3 NAME 'ipaUser' SUP top AUXILIARY MAY ( nsAccountLock $ ipaSshPubKey ) )
"""

_CONFIGURATION: Final = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
include {folder}/test.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/tls.crt
TLSCertificateFile {folder}/tls.crt
TLSCertificateKeyFile {folder}/tls.key
TLSVerifyClient {tls_clients}
{global_lines}
database mdb
maxsize 10485760
dbnosync
suffix "{suffix}"
rootdn "{admin}"
rootpw {admin_password}
directory {folder}/db
limits dn.exact="cn=limited,{suffix}" size.soft=1 size.hard=1
overlay memberof
memberof-group-oc groupOfNames
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="{people}" by dn.exact="cn=groups-only,{suffix}" none by users read by * {anonymous}
access to * by users read by * {anonymous}
"""

SEED: Final = f"""
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: {SERVICE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: gitgate
userPassword: {SERVICE_PASSWORD}

dn: cn=limited,{SUFFIX}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: limited
userPassword: {SERVICE_PASSWORD}

dn: cn=groups-only,{SUFFIX}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: groups-only
userPassword: {SERVICE_PASSWORD}

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: uid=Alice,{PEOPLE}
objectClass: inetOrgPerson
objectClass: ldapPublicKey
objectClass: ipaUser
uid: Alice
cn: Alice Liddell
sn: Liddell
mail: alice@example.org
memberOf: cn=devs,{GROUPS}
memberOf: cn=admins,ou=roles,{SUFFIX}
userPassword: Alice-password

dn: uid=bob,{PEOPLE}
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Builder
userPassword: bob-password

dn: uid=carol,{PEOPLE}
objectClass: inetOrgPerson
objectClass: ipaUser
uid: carol
cn: Carol
sn: Clean
employeeType: left
nsAccountLock: TRUE
userPassword: carol-password

dn: cn=Smith\\2C John (ext.) \\C3\\9C,{PEOPLE}
objectClass: inetOrgPerson
uid: jsmith
cn:: U21pdGgsIEpvaG4gKGV4dC4pIMOc
sn: Smith
userPassword: jsmith-password

dn: uid=twin,{PEOPLE}
objectClass: inetOrgPerson
uid: twin
uid: zwilling
cn: One of two names
sn: Twin
userPassword: twin-password

dn: ou=elsewhere,{PEOPLE}
objectClass: organizationalUnit
ou: elsewhere

dn: uid=double,{PEOPLE}
objectClass: inetOrgPerson
uid: double
cn: Double
sn: One
userPassword: double-password

dn: uid=double,ou=elsewhere,{PEOPLE}
objectClass: inetOrgPerson
uid: double
cn: Double
sn: Two
userPassword: double-password

dn: uid=anonymous,{PEOPLE}
objectClass: inetOrgPerson
uid: anonymous
cn: Somebody
sn: Somebody
userPassword: anonymous-password

dn: uid=nopassword,{PEOPLE}
objectClass: inetOrgPerson
uid: nopassword
cn: No Password
sn: Password

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups

dn: cn=devs,{GROUPS}
objectClass: groupOfNames
cn: devs
member: uid=Alice,{PEOPLE}
member: cn=Smith\\2C John (ext.) \\C3\\9C,{PEOPLE}

dn: cn=unique,{GROUPS}
objectClass: groupOfUniqueNames
cn: unique
uniqueMember: uid=bob,{PEOPLE}

dn: cn=unix,{GROUPS}
objectClass: posixGroup
cn: unix
gidNumber: 1000
memberUid: bob
memberUid: devs

dn: cn=engineering,{GROUPS}
objectClass: groupOfNames
cn: engineering
member: cn=devs,{GROUPS}

dn: cn=everybody,{GROUPS}
objectClass: groupOfNames
cn: everybody
member: cn=engineering,{GROUPS}
member: cn=circle,{GROUPS}

dn: cn=circle,{GROUPS}
objectClass: groupOfNames
cn: circle
member: cn=everybody,{GROUPS}

dn: ou=roles,{SUFFIX}
objectClass: organizationalUnit
ou: roles

dn: cn=admins,ou=roles,{SUFFIX}
objectClass: groupOfNames
cn: admins
member: uid=Alice,{PEOPLE}
"""


#: What a client asks for. slapd writes this line before it answers; the one with the result, and the end of a
#: connection, at any time after that.
_OPERATION: Final = re.compile(r"conn=\d+ op=\d+ (?:BIND dn=.* method=\d+|SRCH base=.*|EXT oid=.*|ADD .*|MOD .*)")
_BIND_OR_END: Final = re.compile(
    r'(conn=\d+) (?:(op=\d+) BIND dn="(.*)" method=128|(op=\d+) RESULT tag=97 err=(\d+)|fd=\d+ (closed))|slapd starting'
)


class Slapd:
    """A directory server with SEED in it, running once `start` has returned, and gone after `kill`."""

    def __init__(self, folder: Path, *, anonymous: str = "none", tls_clients: str = "never", seed: str = SEED) -> None:
        """`anonymous` is what may be done without a login: `none`, `read`, or, with `refused`, not even to bind. With
        `tls_clients="demand"`, its own certificate is wanted of clients. Skips where there is no slapd.
        """
        for package, program in (("slapd", "/usr/sbin/slapd"), ("ldap-utils", "ldapmodify"), ("openssl", "openssl")):
            if shutil.which(program) is None:
                pytest.skip(f"needs {package}")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen = False
        (folder / "db").mkdir(parents=True)
        (folder / "test.schema").write_text(_SCHEMA)
        (folder / "slapd.conf").write_text(
            _CONFIGURATION.format(
                folder=folder,
                suffix=SUFFIX,
                people=PEOPLE,
                admin=ADMIN,
                admin_password=ADMIN_PASSWORD,
                anonymous="read" if anonymous == "read" else "none",
                global_lines="disallow bind_anon" if anonymous == "refused" else "",
                tls_clients=tls_clients,
            )
        )
        _run(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", folder / "tls.key", "-out", folder / "tls.crt"),
        )
        _run("/usr/sbin/slapadd", "-q", "-f", folder / "slapd.conf", given=seed)
        self.port, self.tls_port = _free_ports()
        self.log_file = folder / "slapd.log"

    @property
    def ldap(self) -> str:
        return f"ldap://localhost:{self.port}"

    @property
    def ldaps(self) -> str:
        return f"ldaps://localhost:{self.tls_port}"

    @property
    def ldapi(self) -> str:
        return f"ldapi://{self._folder}/ldapi"

    @property
    def ca_file(self) -> Path:
        """What its certificate, which is for localhost and no other name, is verified with."""
        return self._folder / "tls.crt"

    @property
    def key_file(self) -> Path:
        return self._folder / "tls.key"

    def start(self) -> "Slapd":
        urls = f"{self.ldap} {self.ldaps} ldapi://{quote(f'{self._folder}/ldapi', safe='')}"
        with self.log_file.open("ab") as log:
            # 256 is "stats": a line for each operation and its result.
            self._process = subprocess.Popen(
                ["/usr/sbin/slapd", "-h", urls, "-f", self._folder / "slapd.conf", "-d", "256"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        give_up = time.monotonic() + 40
        while not self._answers():
            assert self._process.poll() is None, self.log_file.read_text()
            assert time.monotonic() < give_up, self.log_file.read_text()
            time.sleep(0.01)
        return self

    def freeze(self) -> None:
        """Stopped in its tracks: the system still accepts connections for it, and nobody answers."""
        assert self._process is not None
        self._bind_results()
        freeze(self._process)
        self._frozen = True

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self._frozen = False

    def run_out_of_descriptors(self) -> Callable[[], None]:
        """It may open no more files, nor connections; what is returned undoes that."""
        assert self._process is not None
        pid = self._process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))

        def restore() -> None:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)

        return restore

    def kill(self) -> None:
        if self._process is not None:
            if not self._frozen:
                self._bind_results()
            self._process.kill()
            self._process.wait()
            self._process = None
            self._frozen = False

    def change(self, ldif: str) -> None:
        """Applies changes, or additions with `changetype: add`, as the administrator."""
        _run("ldapmodify", "-x", "-H", self.ldap, "-D", ADMIN, "-w", ADMIN_PASSWORD, given=ldif)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def operations(self) -> list[str]:
        """All that clients have asked for until now and got an answer to, the oldest first."""
        return _OPERATION.findall(self.log())

    def binds(self, dn: str) -> list[int]:
        """The results of all binds of this name until now: 0 where the password was right, 49 where it was wrong."""
        return [result for name, result in self._bind_results() if name == dn]

    def searches(self, base: str) -> int:
        """How often anybody has searched at or below it."""
        return len(re.findall(rf'SRCH base="{re.escape(base)}"', self.log()))

    def _bind_results(self) -> list[tuple[str, int]]:
        """The name and the result of each bind, once they are all written."""
        give_up = time.monotonic() + 40
        while True:
            log = self.log()
            binds: list[tuple[str, int]] = []
            waiting: dict[str, dict[str, str]] = {}
            for connection, asked, dn, answered, result, closed in _BIND_OR_END.findall(log):
                if asked:
                    waiting.setdefault(connection, {})[asked] = dn
                elif answered in waiting.get(connection, {}):
                    binds.append((waiting[connection].pop(answered), int(result)))
                elif closed:
                    waiting.pop(connection, None)
                elif not connection:  # it was started again, and counts connections anew
                    waiting.clear()
            if not any(waiting.values()):
                return binds
            assert time.monotonic() < give_up, log
            time.sleep(0.005)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("localhost", self.tls_port), timeout=1):
                return (self._folder / "ldapi").exists()
        except OSError:
            return False


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _run(*command: str | Path, given: str = "") -> None:
    ran = subprocess.run(
        [str(part) for part in command], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, f"{command[0]}: {ran.stdout}{ran.stderr}"
