import json

from click.testing import CliRunner

from gitgate.audit_json import schema_text
from gitgate.cli import gitgate


def test_the_schema_of_a_record_is_printed_as_it_is_in_the_package():
    ran = CliRunner().invoke(gitgate, ["audit", "schema"])

    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, schema_text(), "")
    assert json.loads(ran.stdout)["title"] == "gitgate audit record"
