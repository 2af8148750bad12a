"""Findings link to the page of their rule. The address of the site is a setting of the project; without it there are no links."""

import copy
import json
import re

import pytest

from nclue_contract import validate_request
from nclue_contract.check.reports.machine import check_json
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.validation.explain import explain
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import Run, Summary
from nclue_contract.validation.reports.formats import renderer
from tests.support.documentation import documented_at
from tests.support.html_reports import FAULTS, check, report
from tests.support.payloads import PAYLOAD
from tools import compile_spec

SITE = "https://docs.example/nclue"
RULE, READING = "https://docs.example/nclue/rules/NC120/", "https://docs.example/nclue/readings/path-characters/"


def sarif_rules():
    out = []
    target = renderer("sarif", out.append, Run(version="1", revision="1", readings=Readings.choose(), strict=False))
    target.begin()
    target.payload(Payload("a.json", 1, 1, 0, "{}"), validate_request(PAYLOAD | {"train_file_path": "a~b.csv"}))
    target.end(Summary())
    return json.loads("".join(out))["runs"][0]["tool"]["driver"]["rules"]


def failures():
    return json.loads(check_json(check(*FAULTS), "1"))["failures"]


def links(text):
    return set(re.findall('href="(http[^"]*)"', text))


def test_with_an_address_findings_and_reports_link_to_the_pages_of_their_rules():
    with documented_at(SITE):
        assert validate_request(PAYLOAD | {"train_file_path": "a~b.csv"}).to_dict()["findings"][0]["help_url"] == RULE
        assert {rule["id"]: rule["helpUri"] for rule in sarif_rules()}["NC120"] == RULE
        assert {failure["help_url"] for failure in failures() if failure["rule"] == "NC120"} == {RULE}
        assert {RULE, READING} <= links(report(check(*FAULTS)))
        assert explain(contract(), "NC120", Readings.choose()).endswith(f"\n  more          {RULE}\n")
        assert explain(contract(), "path-characters", Readings.choose()).endswith(f"\n  more          {READING}\n")


def test_without_an_address_there_are_no_links():
    with documented_at(""):
        assert validate_request(PAYLOAD | {"train_file_path": "a~b.csv"}).to_dict()["findings"][0]["help_url"] is None
        assert [rule["id"] for rule in sarif_rules() if "helpUri" in rule] == []
        assert {failure["help_url"] for failure in failures()} == {None}
        assert links(report(check(*FAULTS))) == set()
        assert "more  " not in explain(contract(), "NC120", Readings.choose())


# -- the setting ----------------------------------------------------------------------------------------------------------------------


def compiled(address):
    sources = copy.deepcopy(compile_spec.Sources.load())
    sources.documentation = address
    return json.loads(compile_spec.compile_contract(sources)[0])["documentation"]


@pytest.mark.parametrize(
    ("address", "base"),
    [("", ""), ("https://docs.example/nclue/", SITE), (SITE, SITE), ("http://127.0.0.1:8000", "http://127.0.0.1:8000")],
)
def test_the_address_is_compiled_into_the_package_without_a_slash_at_its_end(address, base):
    assert compiled(address) == base


@pytest.mark.parametrize(
    "address", ["docs.example", "ftp://docs.example", "https://", "https://docs.example/?page=", "https://docs.example/#x"]
)
def test_an_address_to_which_no_path_can_be_added_is_rejected(address):
    with pytest.raises(compile_spec.SpecError, match=r"project\.urls, Documentation"):
        compiled(address)


def test_the_address_is_read_from_the_project_settings(monkeypatch, tmp_path):
    project = tmp_path / "pyproject.toml"
    monkeypatch.setattr(compile_spec, "PROJECT", project)
    project.write_text('[project]\nname = "x"\n', encoding="utf-8")
    assert compile_spec.Sources.load().documentation == ""
    project.write_text(f'[project]\nname = "x"\n[project.urls]\nDocumentation = "{SITE}"\n', encoding="utf-8")
    assert compile_spec.Sources.load().documentation == SITE
