import gitgate_repoperms
import gitgate_rules
import pytest

from gitgate.cli.anonymous_push import anonymous_pushes
from gitgate.config import PluginEntry


def _rules(*rules, name="rules"):
    settings = gitgate_rules.RulesSettings(rules=rules)
    return PluginEntry(use="rules", name=name, plugin_class=gitgate_rules.RulesPlugin, settings=settings)


def _rule(who, name=None, **verdict):
    return gitgate_rules.Rule(repos=("**",), who=(who,), name=name, **verdict)


@pytest.mark.parametrize("who", ["everyone", "anonymous"])
@pytest.mark.parametrize("verb", ["write", "create"])
def test_a_rule_that_lets_everybody_write_is_found(who, verb):
    entry = _rules(_rule("alice", allow=("write",)), _rule(who, allow=("read", verb)), name="policy")

    assert list(anonymous_pushes([entry])) == ["policy: rules[1]"]


def test_a_rule_is_called_by_its_name():
    entry = _rules(_rule("everyone", name="sandbox", allow=("write",)))

    assert list(anonymous_pushes([entry])) == ["rules: sandbox"]


def test_a_rule_in_a_file_of_its_own_is_found(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("- {repos: [a], who: [bob], allow: [force]}\n- {repos: [a], who: [everyone], allow: [write]}\n")
    settings = gitgate_rules.RulesSettings(file=file)
    entry = PluginEntry(use="rules", plugin_class=gitgate_rules.RulesPlugin, settings=settings)

    assert list(anonymous_pushes([entry])) == [f"rules: {file}:2"]


def test_reading_denying_and_people_with_a_login_are_no_reason_to_warn():
    entry = _rules(
        _rule("everyone", allow=("read",)), _rule("everyone", deny=("write",)), _rule("authenticated", allow=("write",))
    )

    assert list(anonymous_pushes([entry])) == []


def test_a_line_of_repoperms_that_lets_anonymous_write_is_found(tmp_path):
    file = tmp_path / ".repoperms"
    file.write_text("[a]\nanonymous = r\n[b]\nalice = rw\nanonymous = rw\n")
    settings = gitgate_repoperms.Settings(file=file)
    entry = PluginEntry(use="repoperms", plugin_class=gitgate_repoperms.RepopermsPlugin, settings=settings)

    assert list(anonymous_pushes([entry])) == [f"{file}:5: anonymous = rw in [b]"]


def test_a_plugin_of_somebody_else_is_not_asked():
    class Other:
        pass

    assert list(anonymous_pushes([PluginEntry(use="rules", plugin_class=Other)])) == []
