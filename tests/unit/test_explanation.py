"""An explanation is what the gateway does, with what every plugin says to each question."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gitgate.cli.explanation_text import explanation_json, explanation_lines
from gitgate.explanation import Explainer, Explanation, Somebody, Verb, request_for
from gitgate.login import ANONYMOUS_LOGIN, Login
from gitgate.plugin import (
    Access,
    Allow,
    Deny,
    GitRequest,
    Identity,
    Missing,
    PublicKey,
    RefChange,
    Rejected,
    Repository,
    Transport,
    hookimpl,
)
from gitgate.plugin_registration import Member
from gitgate.refusals import (
    AccessDenied,
    CredentialsRefused,
    CredentialsRequired,
    RepositoryHidden,
    RepositoryNotFound,
    Unavailable,
)
from gitgate.testing import a_peer, a_repository, an_identity
from gitgate.testing.waiting_loop import WaitingLoop

ALICE = an_identity("alice")
KEY = PublicKey(username="git", algorithm="ssh-ed25519", blob=b"k", fingerprint="SHA256:x", verified=True)


@dataclass
class Users:
    """Knows one key, and alice's group."""

    enriched: Any = field(default_factory=lambda: an_identity("alice", "devs"))
    logins: int = 0

    @hookimpl
    def authenticate(self, credentials: Any) -> Identity | None:
        self.logins += 1
        return ALICE if credentials == KEY else None

    @hookimpl
    def enrich_identity(self, identity: Identity) -> Any:
        if isinstance(self.enriched, Exception):
            raise self.enriched
        return self.enriched if identity.name == "alice" else None


class Paths:
    def __init__(self, repository: Any) -> None:
        self._repository = repository

    @hookimpl
    async def resolve_path(self, request: GitRequest) -> Any:
        return self._repository


class Makes(Paths):
    made: int = 0

    @hookimpl
    def create_repository(self, repository: Repository) -> Repository:
        self.made += 1
        return replace(repository, exists=True)


class Judge:
    """`answers` by what is asked: an access, or a change of a ref."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    @hookimpl
    async def authorize(self, identity: Identity, request: GitRequest) -> Any:
        asked = request.updates[0].change if request.updates else request.access
        answer = self._answers.get(f"ref_{asked.value}" if request.updates else asked.value)
        if isinstance(answer, Exception):
            raise answer
        return answer


def explain(
    *judges: Judge,
    who: Somebody = ALICE,
    verb: Verb = Verb.READ,
    ref: str | None = None,
    paths: Any = None,
    users: Users | None = None,
    transport: Transport = Transport.SSH,
) -> Explanation:
    loop = WaitingLoop()
    members = [
        Member(name="users", plugin=users or Users()),
        *(Member(name=f"judge{number}", plugin=judge) for number, judge in enumerate(judges)),
        Member(name="paths", plugin=paths or Paths(a_repository())),
    ]
    explainer = Explainer(members, loop.reactor)
    loop.run(explainer.chain.start())
    request = request_for(verb, "/team/app", a_peer(transport), request_id="req-1", username="alice")
    return loop.run(explainer.explain(who, request, verb, ref))


def asked(explanation: Explanation) -> list[tuple[str, Access | RefChange]]:
    return [
        (q.hook, q.request.updates[0].change if q.request.updates else q.request.access) for q in explanation.questions
    ]


def test_every_plugin_s_vote_is_there_also_below_the_one_that_decides() -> None:
    explanation = explain(Judge(), Judge(read=Allow("rule 1")), Judge(read=Deny("rule 2")))
    paths, votes = explanation.questions
    assert [(vote.plugin, vote.answer, vote.decides) for vote in paths.votes] == [("paths", a_repository(), True)]
    assert [(vote.plugin, vote.answer, vote.decides) for vote in votes.votes] == [
        ("judge0", None, False),
        ("judge1", Allow("rule 1"), True),
        ("judge2", Deny("rule 2"), False),
    ]
    assert explanation.refusal is None


def test_somebody_named_has_what_plugins_know_of_the_name_and_no_plugin_is_asked_for_a_login() -> None:
    users = Users()
    explanation = explain(users=users)
    assert explanation.login == Login(identity=an_identity("alice", "devs"), method="name")
    assert users.logins == 0


def test_somebody_with_a_key_is_logged_in_by_it() -> None:
    explanation = explain(who=KEY)
    assert explanation.login == Login(
        identity=an_identity("alice", "devs"), method="publickey", plugin="users", fingerprint="SHA256:x"
    )


def test_somebody_with_groups_is_in_no_others() -> None:
    bob = Login(identity=an_identity("alice", "guests"), method="name")
    assert explain(who=bob).login == bob


@pytest.mark.parametrize(
    ("who", "users", "refusal", "reason"),
    [
        (replace(KEY, blob=b"other"), Users(), CredentialsRefused, "no plugin knows the key"),
        (ALICE, Users(Rejected("has left")), CredentialsRefused, "has left"),
        (KEY, Users(Rejected("has left")), CredentialsRefused, "has left"),
        (ALICE, Users(OSError("down")), Unavailable, "enrich_identity raised OSError: down"),
    ],
)
def test_a_refused_login_ends_it(who: Somebody, users: Users, refusal: type, reason: str) -> None:
    explanation = explain(Judge(read=Allow("rule")), who=who, users=users)
    assert (explanation.login, explanation.questions) == (None, ())
    assert type(explanation.refusal) is refusal
    assert explanation.refusal.reason == reason


NO, YES = Deny("rule 1", "Ask Bob."), Allow("rule 2")


@pytest.mark.parametrize(
    ("verb", "answers", "refusal", "message", "questions"),
    [
        (Verb.READ, {}, RepositoryHidden, "repository not found (id req-1)", [Access.READ]),
        (Verb.READ, {"read": NO}, RepositoryHidden, "repository not found (id req-1)", [Access.READ]),
        (Verb.WRITE, {"write": NO}, RepositoryHidden, "repository not found (id req-1)", [Access.WRITE, Access.READ]),
        (
            Verb.WRITE,
            {"write": NO, "read": YES},
            AccessDenied,
            "Ask Bob. (id req-1)",
            [Access.WRITE, Access.READ],
        ),
        (Verb.WRITE, {"write": YES}, type(None), None, [Access.WRITE]),
        (Verb.READ, {"read": OSError("down")}, Unavailable, "temporarily unavailable (id req-1)", [Access.READ]),
    ],
)
def test_the_verdict_is_the_gateway_s(verb: Verb, answers: Any, refusal: type, message: str, questions: Any) -> None:
    explanation = explain(Judge(**answers), verb=verb)
    assert [what for _, what in asked(explanation)] == [verb.service.access, *questions]
    assert type(explanation.refusal) is refusal
    assert getattr(explanation.refusal, "message", None) == message


def test_anonymous_is_challenged_as_by_the_server() -> None:
    explanation = explain(Judge(), who=ANONYMOUS_LOGIN, transport=Transport.HTTPS)
    assert isinstance(explanation.refusal, CredentialsRequired)


@pytest.mark.parametrize("paths", [Paths(Missing("nothing there")), Paths(None)])
def test_a_path_that_leads_nowhere_ends_it(paths: Paths) -> None:
    explanation = explain(Judge(read=YES), paths=paths)
    assert asked(explanation) == [("resolve_path", Access.READ)]
    assert type(explanation.refusal) is RepositoryNotFound


MAIN = "refs/heads/main"
MAY_PUSH: dict[str, Any] = {"read": YES, "write": YES}
WRITE_ASKED = [("resolve_path", Access.WRITE), ("authorize", Access.WRITE)]


def test_a_ref_that_may_be_moved_but_not_rewound_is_allowed_to_move_forward_only() -> None:
    judge = Judge(**MAY_PUSH, ref_update=YES, ref_rewind=NO)
    explanation = explain(judge, verb=Verb.WRITE, ref=MAIN)
    assert asked(explanation) == [
        *WRITE_ASKED,
        ("authorize", RefChange.UPDATE),
        ("authorize", RefChange.REWIND),
    ]
    assert (explanation.refusal, explanation.forward_only) == (None, True)


def test_where_git_alone_knows_what_a_ref_leads_to_nothing_is_promised(tmp_path: Path) -> None:
    """A push asks git, and `main` may lead to a ref that is closed."""
    (tmp_path / "reftable").mkdir()
    judge = Judge(**MAY_PUSH, ref_update=YES, ref_rewind=YES)
    paths = Paths(Repository(directory=tmp_path, name="team/app"))
    refusal = explain(judge, verb=Verb.WRITE, ref=MAIN, paths=paths).refusal
    assert isinstance(refusal, Unavailable)
    assert "git alone knows where refs" in refusal.reason


def test_refs_that_cannot_be_looked_at_are_an_outage_as_they_are_for_a_push(tmp_path: Path) -> None:
    """A folder of refs that the server's user may not enter; root may, but nobody gets through a loop of links."""
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs" / "heads").symlink_to("heads")
    paths = Paths(Repository(directory=tmp_path, name="team/app"))
    refusal = explain(Judge(**MAY_PUSH, ref_update=YES), verb=Verb.WRITE, ref=MAIN, paths=paths).refusal
    assert isinstance(refusal, Unavailable)
    assert "the refs of the push could not be looked at: [Errno 40]" in refusal.reason


def test_to_force_it_is_then_refused_with_the_message_of_the_rule() -> None:
    judge = Judge(**MAY_PUSH, ref_update=YES, ref_rewind=NO)
    refusal = explain(judge, verb=Verb.FORCE, ref=MAIN).refusal
    assert isinstance(refusal, AccessDenied)
    assert (refusal.plugin, refusal.reason) == ("judge0", "rule 1")
    assert "Ask Bob." in refusal.message


def test_to_force_what_no_plugin_allows_to_be_forced_is_refused() -> None:
    refusal = explain(Judge(**MAY_PUSH, ref_update=YES), verb=Verb.FORCE, ref=MAIN).refusal
    assert isinstance(refusal, AccessDenied)
    assert (refusal.plugin, refusal.reason) == ("default", f"no plugin allows it: force for {MAIN}")


@pytest.mark.parametrize(
    ("verb", "change"),
    [(Verb.CREATE, RefChange.CREATE), (Verb.DELETE, RefChange.DELETE), (Verb.WRITE, RefChange.UPDATE)],
)
def test_each_verb_asks_for_its_change_of_the_ref(verb: Verb, change: RefChange) -> None:
    explanation = explain(Judge(**MAY_PUSH, **{f"ref_{change.value}": NO}), verb=verb, ref=MAIN)
    assert asked(explanation) == [*WRITE_ASKED, ("authorize", change)]
    assert isinstance(explanation.refusal, AccessDenied)
    [update] = explanation.questions[-1].request.updates
    assert update.ref == MAIN


def test_a_repository_is_not_made_by_being_asked_about() -> None:
    makes = Makes(a_repository(exists=False))
    judge = Judge(create=YES, write=YES, ref_create=YES)
    explanation = explain(judge, paths=makes, verb=Verb.CREATE)
    assert ("authorize", Access.CREATE) in asked(explanation)
    assert (explanation.created_by, explanation.refusal, makes.made) == (("paths",), None, 0)


def test_what_no_plugin_makes_cannot_be_created() -> None:
    explanation = explain(Judge(create=YES, write=YES), paths=Paths(a_repository(exists=False)), verb=Verb.CREATE)
    assert (explanation.created_by, type(explanation.refusal)) == ((), RepositoryNotFound)


def test_to_create_what_is_there_is_refused() -> None:
    refusal = explain(Judge(**MAY_PUSH), verb=Verb.CREATE).refusal
    assert isinstance(refusal, AccessDenied)
    assert refusal.reason == "the repository exists already, and a push would not create it"
    assert refusal.message == ""  # a push would be one to what is there, and no client is told anything


def test_no_record_of_an_operation_is_written() -> None:
    """What nobody has done must not stand in the audit log as if somebody had."""
    records: list[object] = []

    class Listens(Judge):
        @hookimpl
        def audited(self, record: object) -> None:
            records.append(record)

    explain(Listens(read=YES))
    explain(Listens(), who=replace(KEY, blob=b"other"))
    assert records == []


def test_for_people_each_question_is_a_block_and_a_star_marks_the_vote_that_decides() -> None:
    judges = (Judge(read=YES), Judge(**MAY_PUSH, ref_update=YES, ref_rewind=NO), Judge(ref_rewind=OSError("down")))
    lines = list(explanation_lines(explain(*judges, verb=Verb.FORCE, ref=MAIN)))
    assert lines[:-1] == [
        "alice (groups: devs), over ssh from 192.0.2.7",
        "",
        "Where does /team/app lead?",
        "  * paths  team/app at /srv/git/team/app.git",
        "",
        "May alice push to team/app?",
        "    judge0  no opinion",
        "  * judge1  allow: rule 2",
        "    judge2  no opinion",
        "",
        "May alice move refs/heads/main in team/app?",
        "    judge0  no opinion",
        "  * judge1  allow: rule 2",
        "    judge2  no opinion",
        "",
        "May alice rewind refs/heads/main in team/app?",
        "    judge0  no opinion",
        "  * judge1  deny: rule 1",
        "    judge2  FAILED: judge2: authorize raised OSError: down",
        "",
        "REFUSED by judge1: rule 1",
    ]
    assert lines[-1].startswith("The client is told: ")


@pytest.mark.parametrize(
    ("options", "last_lines"),
    [
        ({"verb": Verb.READ}, ["ALLOWED"]),
        (
            {"verb": Verb.WRITE},
            ["ALLOWED", "but a push may be refused for its refs; name a REF to see the rules for it"],
        ),
        ({"verb": Verb.WRITE, "ref": MAIN}, ["ALLOWED", "as long as the ref only moves forward"]),
        (
            {"paths": Paths(None)},
            [
                "Where does /team/app lead?",
                "    paths  no opinion",
                "    no plugin decides: it leads nowhere",
                "",
                "REFUSED: no plugin knows the path",
                "The client is told: repository not found (id req-1)",
            ],
        ),
        (
            {"who": replace(KEY, blob=b"other")},
            ["LOGIN REFUSED: no plugin knows the key", "The client is told: login failed"],
        ),
        (
            {"who": ANONYMOUS_LOGIN, "verb": Verb.DELETE, "ref": "refs/heads/x"},
            [
                "May anonymous delete refs/heads/x in team/app?",
                "    judge0  no opinion",
                "    no plugin decides: denied by default",
                "",
                "REFUSED by default: no plugin allows it: delete for refs/heads/x",
                "The client is told: authentication required (id req-1)",
            ],
        ),
        (
            {"verb": Verb.CREATE, "paths": Makes(a_repository(exists=False))},
            [
                "The repository would be made by paths.",
                "",
                "ALLOWED",
                "but a push may be refused for its refs; name a REF to see the rules for it",
            ],
        ),
        ({"verb": Verb.CREATE}, ["", "REFUSED: the repository exists already, and a push would not create it"]),
    ],
)
def test_for_people_the_end_is_the_verdict(options: Any, last_lines: list[str]) -> None:
    explanation = explain(Judge(**MAY_PUSH, create=YES, ref_update=YES), **options)
    assert list(explanation_lines(explanation))[-len(last_lines) :] == last_lines


def test_nothing_that_a_plugin_says_controls_the_terminal() -> None:
    lines = explain(Judge(read=Deny("\x1b[2Jrule"))), explain(paths=Paths(Missing("\x1b[2J")))
    assert "\x1b" not in "".join(line for explanation in lines for line in explanation_lines(explanation))


def test_the_data_has_everything() -> None:
    judge = Judge(**MAY_PUSH, ref_delete=Deny("rule 1", "Ask Bob.", (MAIN,)))
    assert explanation_json(explain(judge, who=KEY, verb=Verb.DELETE, ref=MAIN)) == {
        "allowed": False,
        "user": "alice",
        "groups": ["devs"],
        "authenticated_by": "users",
        "method": "publickey",
        "fingerprint": "SHA256:x",
        "verb": "delete",
        "path": "/team/app",
        "ref": MAIN,
        "transport": "ssh",
        "address": "192.0.2.7",
        "questions": [
            {
                "hook": "resolve_path",
                "access": "write",
                "updates": [],
                "votes": [
                    {
                        "plugin": "paths",
                        "decides": True,
                        "answer": "repository",
                        "name": "team/app",
                        "directory": str(Path("/srv/git/team/app.git")),
                        "exists": True,
                        "moved_to": None,
                    }
                ],
            },
            {
                "hook": "authorize",
                "access": "write",
                "updates": [],
                "votes": [{"plugin": "judge0", "decides": True, "answer": "allow", "reason": "rule 2"}],
            },
            {
                "hook": "authorize",
                "access": "write",
                "updates": [{"ref": MAIN, "change": "delete"}],
                "votes": [
                    {
                        "plugin": "judge0",
                        "decides": True,
                        "answer": "deny",
                        "reason": "rule 1",
                        "message": "Ask Bob.",
                        "refs": [MAIN],
                    }
                ],
            },
        ],
        "created_by": [],
        "forward_only": False,
        "refusal": {
            "kind": "AccessDenied",
            "verdict": "denied",
            "plugin": "judge0",
            "reason": "rule 1",
            "message": "Ask Bob. (id req-1)",
        },
        "request_id": "req-1",
    }
