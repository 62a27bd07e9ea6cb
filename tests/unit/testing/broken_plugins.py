"""Plugins with a fault each, under their contract. `test_contracts.py` runs this and looks which tests fail."""

import fnmatch
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitgate.plugin import (
    Access,
    Allow,
    Deny,
    GitRequest,
    Identity,
    Missing,
    Password,
    PublicKey,
    Rejected,
    Repository,
    hookimpl,
)
from gitgate.testing import (
    AuthenticatorContract,
    AuthorizerContract,
    ResolverContract,
    a_fetch,
    a_push,
    an_identity,
)

SECRET = "open sesame 7!"
ALICE = Identity(name="alice")


class Login:
    """Asks a function for each login."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer = answer

    @hookimpl
    def authenticate(self, credentials: Any) -> Any:
        return self._answer(credentials)


class OneUser(AuthenticatorContract):
    known = Password(username="alice", password=SECRET)
    name = "alice"

    @pytest.fixture
    def plugin(self) -> Login:
        return Login(self.answer)

    def answer(self, credentials: Any) -> Identity | Rejected | None:
        if not isinstance(credentials, Password) or not self.is_known(credentials.username):
            return None
        return ALICE if self.fits(credentials.password) else Rejected("wrong password")

    def is_known(self, username: str) -> bool:
        return username == "alice"

    def fits(self, password: str) -> bool:
        return password == SECRET


class TestGood(OneUser):
    pass


class TestTakesAnyPassword(OneUser):
    def fits(self, password: str) -> bool:
        return True


class TestCutsPasswordsOff(OneUser):
    def fits(self, password: str) -> bool:
        return password.startswith(SECRET)


class TestEmptyPasswordBindsAnonymously(OneUser):
    def fits(self, password: str) -> bool:
        return password in ("", SECRET)


class TestClaimsEverybody(OneUser):
    def answer(self, credentials: Any) -> Identity | Rejected | None:
        return super().answer(credentials) or Rejected("no such user")


class TestPastesNamesIntoAPattern(OneUser):
    def is_known(self, username: str) -> bool:
        return fnmatch.fnmatch("alice", username)


class TestFailsWithSomeNames(OneUser):
    def is_known(self, username: str) -> bool:
        return Path("alice").samefile(Path(username)) if "\0" in username else username == "alice"


class TestRemembersWhoWasIn(OneUser):
    @pytest.fixture
    def plugin(self) -> Login:
        seen: list[str] = []

        def answer(credentials: Any) -> Identity | Rejected | None:
            if isinstance(credentials, Password) and credentials.username in seen:
                return ALICE
            found = self.answer(credentials)
            if isinstance(found, Identity):
                seen.append(credentials.username)
            return found

        return Login(answer)


class TestTakesAnyKey(OneUser):
    def answer(self, credentials: Any) -> Identity | Rejected | None:
        return ALICE if isinstance(credentials, PublicKey) else super().answer(credentials)


class TestLogsPasswords(OneUser):
    def fits(self, password: str) -> bool:
        logging.getLogger("login").debug("comparing %s", password)
        return super().fits(password)


class Paths:
    def __init__(self, answer: Callable[[str], Any]) -> None:
        self._answer = answer

    @hookimpl
    def resolve_path(self, request: GitRequest) -> Any:
        return self._answer(request.path)


class OneRepository(ResolverContract):
    known = a_fetch("/team/app")

    @pytest.fixture
    def plugin(self) -> Paths:
        return Paths(self.answer)

    def answer(self, path: str) -> Repository | Missing:
        if path.removesuffix(".git") == "/team/app":
            return Repository(directory=Path("/srv/team/app.git"), name="team/app")
        return Missing("nothing there")


class TestGoodPaths(OneRepository):
    pass


class TestTwoNames(OneRepository):
    def answer(self, path: str) -> Repository | Missing:
        found = super().answer(path.lower())
        if isinstance(found, Missing):
            return found
        return Repository(directory=found.directory, name=path.removesuffix(".git")[1:])


class TestServesTheInside(OneRepository):
    def answer(self, path: str) -> Repository | Missing:
        if path.endswith("/objects"):
            return Repository(directory=Path("/srv/team/app.git/objects"), name="team/app/objects")
        return super().answer(path)


class TestEveryPathIsSomething(OneRepository):
    def answer(self, path: str) -> Repository | Missing:
        if path.count("/") == 1 and not path.endswith(".git"):
            return Repository(directory=Path(f"/srv{path}.git"), name=path[1:])
        return super().answer(path)


class TestFailsWithLongPaths(OneRepository):
    def answer(self, path: str) -> Repository | Missing:
        if len(path) > 4000:
            raise OSError("File name too long")
        return super().answer(path)


class Votes:
    def __init__(self, answer: Callable[[Identity, GitRequest], Any]) -> None:
        self._answer = answer

    @hookimpl
    def authorize(self, identity: Identity, request: GitRequest) -> Any:
        return self._answer(identity, request)


class DevsPush(AuthorizerContract):
    allowed = (an_identity("alice", "devs"), a_push())
    denied = (an_identity("bob"), a_push())

    @pytest.fixture
    def plugin(self) -> Votes:
        return Votes(self.answer)

    def answer(self, identity: Identity, request: GitRequest) -> Allow | Deny | None:
        if request.access is Access.READ:
            return None
        return Allow("in devs") if "devs" in identity.groups else Deny("not in devs")


class TestGoodVotes(DevsPush):
    pass


class TestGivesNoReason(DevsPush):
    def answer(self, identity: Identity, request: GitRequest) -> Allow | Deny | None:
        return Allow("") if isinstance(super().answer(identity, request), Allow) else Deny("")


class TestSendsControlCharacters(DevsPush):
    def answer(self, identity: Identity, request: GitRequest) -> Allow | Deny | None:
        answer = super().answer(identity, request)
        return Deny("not in devs", message="\x1b[2J") if isinstance(answer, Deny) else answer


class TestAllowsAll(DevsPush):
    def answer(self, identity: Identity, request: GitRequest) -> Allow | Deny | None:
        return Allow("why not")


class TestRemembersVotes(DevsPush):
    @pytest.fixture
    def plugin(self) -> Votes:
        votes: dict[str, Any] = {}
        return Votes(lambda identity, request: votes.setdefault(request.path, self.answer(identity, request)))


class TestKnowsFetchesAndPushesOnly(DevsPush):
    def answer(self, identity: Identity, request: GitRequest) -> Allow | Deny | None:
        {Access.READ: 1, Access.WRITE: 2}[request.access]
        return super().answer(identity, request)
