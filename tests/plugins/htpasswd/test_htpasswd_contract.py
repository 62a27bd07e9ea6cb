"""htpasswd is what gitgate.testing asks of every plugin that knows passwords, whatever the kind of hash."""

from pathlib import Path

import pytest
from gitgate_htpasswd import HtpasswdPlugin, HtpasswdSettings

from gitgate.plugin import Password
from gitgate.testing import AuthenticatorContract

PASSWORD = "Open sesame 7!"

#: As Apache's `htpasswd -nb` wrote them with -B -C 4, -m, -2 -r 1000 and -s. DES hashes only know eight characters.
LINES = {
    "bcrypt": "alice:$2y$04$K63WDMBKu6HL1A/pf4EySON38vxuiknLVibeVHw1FzvgLeZd/XzHq",
    "apr1": "alice:$apr1$Eemi56ws$0eA1bEucrSGiChfQtQ0/0.",
    "sha256-crypt": "alice:$5$rounds=1000$eG3t5TQVhdfD4jti$Nz.uZu8ozihFw3tI5JJDltngpxVars4qUkc03RRgH3A",
    "sha1": "alice:{SHA}nu1cavyMIO09p5dWJVeISpdmcMw=",
}


class TestHtpasswd(AuthenticatorContract):
    known = Password(username="alice", password=PASSWORD)
    name = "alice"

    @pytest.fixture(params=LINES)
    def plugin(self, request: pytest.FixtureRequest, tmp_path: Path) -> HtpasswdPlugin:
        file = tmp_path / "users.htpasswd"
        file.write_text(LINES[request.param] + "\n")
        return HtpasswdPlugin(HtpasswdSettings(file=file))
