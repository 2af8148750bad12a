"""Three independent linters report nothing about the OpenAPI file: no errors and no warnings."""

import json
import os
import subprocess

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support.tools import ROOT, node_tool

SETTINGS = ROOT / "tools" / "node"
# Nothing is sent anywhere, and there are no notices about newer versions.
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}

each_form = pytest.mark.parametrize("document", ["openapi/nclue-tasks.yaml", "nclue_contract/contract/openapi.json"])


def run(command: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(command, cwd=ROOT, env=os.environ | QUIET, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


@each_form
def test_openapi_spec_validator_finds_nothing(document):
    content = yaml.safe_load((ROOT / document).read_text(encoding="utf-8"))
    assert list(OpenAPIV31SpecValidator(content).iter_errors()) == []


@each_form
def test_redocly_finds_neither_errors_nor_warnings(document):
    lint = [*node_tool("@redocly/cli/bin/cli.js"), "lint", "--config", str(SETTINGS / "redocly.yaml"), "--format=json"]
    code, output, errors = run([*lint, document])
    assert output, errors
    report = json.loads(output)
    assert (report["problems"], report["totals"], code) == ([], {"errors": 0, "warnings": 0, "ignored": 0}, 0)


@each_form
def test_spectral_finds_nothing_not_even_a_hint(document):
    lint = [*node_tool("@stoplight/spectral-cli/dist/index.js"), "lint", "--ruleset", str(SETTINGS / "spectral.yaml")]
    code, output, errors = run([*lint, "--fail-severity=hint", "--format=json", "--quiet", document])
    assert output, errors
    assert (json.loads(output), code) == ([], 0)


def test_redocly_and_spectral_report_a_defective_document(tmp_path):
    # Otherwise a linter that no longer reads its settings would pass the tests above.
    document = json.loads((ROOT / "nclue_contract" / "contract" / "openapi.json").read_text(encoding="utf-8"))
    del document["info"]["license"]  # Redocly: a warning of the recommended rules
    document["tags"] = []  # Spectral: operation-tag-defined, a warning
    spoilt = tmp_path / "spoilt.json"
    spoilt.write_text(json.dumps(document), encoding="utf-8")
    redocly = [*node_tool("@redocly/cli/bin/cli.js"), "lint", "--config", str(SETTINGS / "redocly.yaml"), "--format=json", str(spoilt)]
    spectral = [*node_tool("@stoplight/spectral-cli/dist/index.js"), "lint", "--ruleset", str(SETTINGS / "spectral.yaml")]
    code, output, _ = run(redocly)
    assert (code, {problem["ruleId"] for problem in json.loads(output)["problems"]}) == (1, {"info-license"})
    code, output, _ = run([*spectral, "--fail-severity=hint", "--format=json", "--quiet", str(spoilt)])
    assert (code, {problem["code"] for problem in json.loads(output)}) == (1, {"operation-tag-defined"})
