"""The contracts that plugin authors inherit find each fault that they are there for, and nothing else."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

FAULTS = {
    "TestTakesAnyPassword": {
        "test_a_wrong_password_is_rejected",
        "test_neither_more_nor_less_than_the_password_is_accepted",
        "test_a_login_changes_nothing_for_the_next",
    },
    "TestCutsPasswordsOff": {"test_neither_more_nor_less_than_the_password_is_accepted"},
    "TestEmptyPasswordBindsAnonymously": {"test_a_wrong_password_is_rejected"},
    "TestClaimsEverybody": {"test_somebody_unknown_is_left_to_other_plugins"},
    "TestPastesNamesIntoAPattern": {"test_a_name_is_data"},
    "TestFailsWithSomeNames": {"test_a_name_is_data"},
    "TestRemembersWhoWasIn": {"test_a_login_changes_nothing_for_the_next"},
    "TestTakesAnyKey": {"test_a_password_is_neither_a_key_nor_a_token"},
    "TestLogsPasswords": {"test_the_password_shows_nowhere"},
    "TestTwoNames": {"test_a_repository_has_one_name_however_it_is_asked_for"},
    "TestServesTheInside": {"test_the_inside_of_a_repository_is_not_served"},
    "TestEveryPathIsSomething": {"test_any_other_path_leads_nowhere"},
    "TestFailsWithLongPaths": {"test_the_longest_path_leads_nowhere"},
    "TestGivesNoReason": {"test_what_is_allowed_is_allowed_with_a_reason", "test_what_is_denied_is_not_allowed"},
    "TestSendsControlCharacters": {"test_what_is_denied_is_not_allowed"},
    "TestAllowsAll": {"test_what_is_denied_is_not_allowed", "test_a_vote_changes_nothing_for_the_next"},
    "TestRemembersVotes": {"test_a_vote_changes_nothing_for_the_next"},
    "TestKnowsFetchesAndPushesOnly": {"test_every_question_has_an_answer"},
}


def test_each_fault_is_found_by_its_test_and_by_no_other(tmp_path: Path) -> None:
    plugins = Path(__file__).with_name("broken_plugins.py")
    options = [
        "-q",
        "-rf",
        "--tb=no",
        "-p",
        "no:cacheprovider",
        "--noconftest",
        "--import-mode=importlib",
        "-c",
        os.devnull,
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", plugins.parent, plugins],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    found = defaultdict(set)
    for plugin, test in re.findall(r"^FAILED \S*::(\w+)::(\w+)", ran.stdout, re.MULTILINE):
        found[plugin].add(test)
    assert found == FAULTS
