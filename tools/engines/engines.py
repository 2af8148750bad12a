"""The engines: how each is run, and what is known of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nclue_contract.contract.json_schema import standalone_schema
from nclue_contract.contract.openapi import document
from tools.engines.cases import ROOT, Case

PROGRAMS = Path(__file__).parent / "programs"
NODE_MODULES = ROOT / "tools" / "node" / "node_modules"
GO_PATH = "/usr/share/gocode"
TIMEOUT = 600


class MissingEngineError(Exception):
    """The engine or its language is not installed; the message names what to install."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A JSON Schema engine. `run` takes the paths of a schema and of instances, one a line, and returns their results in order."""

    name: str
    language: str
    draft: str
    run: Callable[[Path, Path], list[bool]]
    version: Callable[[], str]
    dialect: bool = True
    """Whether `$schema` is kept: some engines know only older drafts, but all keywords that we use."""
    known: Mapping[str, str] = field(default_factory=dict)
    """Names of cases that the engine is known to get wrong, with the reason."""

    def results(self, cases: list[Case], folder: Path) -> dict[str, bool]:
        """Return the result of each case by its name; `folder` is for the files of the run. Raises `MissingEngineError`."""
        found: dict[str, bool] = {}
        for name in sorted({case.schema for case in cases}):
            mine = [case for case in cases if case.schema == name]
            schema = standalone_schema(document(), name, self.draft, "for the comparison of engines")
            if not self.dialect:
                del schema["$schema"]
            (folder / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
            (folder / "instances.jsonl").write_text("".join(case.line() for case in mine), encoding="utf-8")
            results = self.run(folder / "schema.json", folder / "instances.jsonl")
            found |= zip((case.name for case in mine), results, strict=True)
        return found

    def wrong(self, cases: list[Case], folder: Path) -> list[str]:
        """Return the names of the cases with another result than theirs, in order."""
        results = self.results(cases, folder)
        return [case.name for case in cases if results[case.name] != case.valid]


# -- Python -------------------------------------------------------------------------------------------------------------------------


def _instances(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _validator(module: str) -> Callable[[Path, Path], list[bool]]:
    def run(schema: Path, instances: Path) -> list[bool]:
        is_valid = import_module(module).Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).is_valid
        return [is_valid(instance) for instance in _instances(instances)]

    return run


def _fastjsonschema(schema: Path, instances: Path) -> list[bool]:
    engine: Any = import_module("fastjsonschema")
    validate = engine.compile(json.loads(schema.read_text(encoding="utf-8")))
    results = []
    for instance in _instances(instances):
        try:
            validate(instance)
        except engine.JsonSchemaValueException:
            results.append(False)
        else:
            results.append(True)
    return results


# -- programs -------------------------------------------------------------------------------------------------------------------------


def _program(*command: str) -> str:
    """Return where a program is; the one beside this Python comes first, as `make node` installs one there."""
    found = shutil.which(command[0], path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if not found:
        message = f"{command[0]} is not installed"
        raise MissingEngineError(message)
    return found


def output(command: list[str], text: str = "", **environment: str) -> str:
    """Return what a program prints when it reads `text`. Raises `RuntimeError` when it fails."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=TIMEOUT, check=False, env=os.environ | environment)
    if done.returncode:
        message = f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-2000:]}"
        raise RuntimeError(message)
    return done.stdout


def _digits(text: str) -> list[bool]:
    return [digit == "1" for digit in text.strip()]


def _run_program(*command: str, **environment: str) -> Callable[[Path, Path], list[bool]]:
    """Return a runner of one of our programs, which print a 1 or a 0 per instance."""

    def run(schema: Path, instances: Path) -> list[bool]:
        name, *options, script = command
        return _digits(output([_program(name), *options, str(PROGRAMS / script), str(schema), str(instances)], **environment))

    return run


def _node_package(name: str) -> Path:
    found = NODE_MODULES / name
    if not found.is_dir():
        message = f"{name} is not in tools/node/node_modules; run: make node"
        raise MissingEngineError(message)
    return found


def _node(script: str, package: str, *options: str) -> Callable[[Path, Path], list[bool]]:
    def run(schema: Path, instances: Path) -> list[bool]:
        _node_package(package)
        return _digits(output([_program("node"), str(PROGRAMS / script), str(schema), str(instances), *options]))

    return run


def _node_version(package: str) -> Callable[[], str]:
    def read() -> str:
        found: str = json.loads((_node_package(package) / "package.json").read_text(encoding="utf-8"))["version"]
        return found

    return read


def _sourcemeta(schema: Path, instances: Path) -> list[bool]:
    script = _node_package("@sourcemeta/jsonschema") / "npm" / "cli.js"
    command = [_program("node"), str(script), "validate", "--continue", "--verbose", "--fast", str(schema), str(instances)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    # The entries are validated in parallel and come in any order; in its JSON they have no numbers.
    numbered = re.findall(r"^(ok|fail): .* \(entry #(\d+)\)$", done.stdout + done.stderr, re.MULTILINE)
    results = [word == "ok" for word, _ in sorted(numbered, key=lambda pair: int(pair[1]))]
    if not results:
        message = f"jsonschema ended with {done.returncode}: {done.stderr.strip()[-2000:]}"
        raise RuntimeError(message)
    return results


def _debian(package: str) -> Callable[[], str]:
    """Return a function that returns the version of a Debian package, without the epoch and the revision."""

    def read() -> str:
        found = shutil.which("dpkg-query")
        done = found and subprocess.run(
            [found, "-W", "-f", "${db:Status-Abbrev}${Version}", package], capture_output=True, text=True, check=False
        )
        if not done or not done.stdout.startswith("ii"):
            message = f"the Debian package {package} is not installed"
            raise MissingEngineError(message)
        return done.stdout.split()[-1].removeprefix("ii").rpartition(":")[2].rpartition("-")[0]

    return read


PYTHON = (
    Engine("jsonschema", "Python", "2020-12", _validator("jsonschema"), lambda: version("jsonschema")),
    Engine("jsonschema-rs", "Rust", "2020-12", _validator("jsonschema_rs"), lambda: version("jsonschema-rs")),
    Engine("fastjsonschema", "Python", "draft-07", _fastjsonschema, lambda: version("fastjsonschema")),
)
NODE = (
    Engine("Ajv, flag u", "JavaScript", "2020-12", _node("ajv.mjs", "ajv", "u"), _node_version("ajv")),
    Engine("Ajv, no flag", "JavaScript", "2020-12", _node("ajv.mjs", "ajv"), _node_version("ajv")),
    Engine(
        "hyperjump",
        "JavaScript",
        "2020-12",
        _node("hyperjump.mjs", "@hyperjump/json-schema"),
        _node_version("@hyperjump/json-schema"),
    ),
    Engine("sourcemeta (Blaze)", "C++", "2020-12", _sourcemeta, _node_version("@sourcemeta/jsonschema")),
)
DEBIAN = (
    Engine(
        "gojsonschema",
        "Go",
        "draft-07",
        _run_program("go", "run", "gojsonschema.go", GO111MODULE="off", GOPATH=GO_PATH),
        _debian("golang-github-xeipuuv-gojsonschema-dev"),
    ),
    Engine("justinrainbow", "PHP", "draft-07", _run_program("php", "justinrainbow.php"), _debian("php-json-schema")),
    Engine("json-schema", "Ruby", "draft-07", _run_program("ruby", "json_schema.rb"), _debian("ruby-json-schema"), dialect=False),
    Engine("json_schemer", "Ruby", "draft-07", _run_program("ruby", "json_schemer.rb"), _debian("ruby-json-schemer")),
    Engine("JSON::Validator", "Perl", "draft-07", _run_program("perl", "json_validator.pl"), _debian("libjson-validator-perl")),
)
ENGINES = (*PYTHON, *NODE, *DEBIAN)
