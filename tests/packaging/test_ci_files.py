"""The pre-commit hook and the GitHub Action, run as their users run them; only the runner of GitHub is simulated."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support.payloads import PAYLOAD
from tests.support.tools import ROOT, missing

BAD = PAYLOAD | {"train_file_path": "churn/dt=1/train.tsv"}

OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this as "no isolation"
    "PIP_NO_COMPILE": "0",  # and this as "do not compile": most of what is installed is never imported
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONPATH": str(Path(yaml.__file__).parent.parent),  # where hatchling is, which builds our package
}
"""For pip: use the packages of the tests, and no index."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a folder with the files of this checkout that the hook and the action need."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "action.yml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "tools" / "requirements", folder / "tools" / "requirements")
    shutil.copytree(ROOT / "nclue_contract", folder / "nclue_contract", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def write(folder, **payloads):
    folder.mkdir(parents=True, exist_ok=True)
    for name, payload in payloads.items():
        (folder / f"{name}.json").write_text(json.dumps(payload), encoding="utf-8")


# -- the hook for pre-commit ----------------------------------------------------------------------------------------------------


def git(folder, *arguments):
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def pre_commit(checkout, tmp_path_factory):
    """Return a function (folder, arguments) that runs pre-commit with our hook; its installations are shared by the module."""
    program = shutil.which("pre-commit", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if program is None:
        missing("pre-commit is not installed")
    git(checkout, "init", "--quiet")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message", "all")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | OFFLINE
    environment |= {"PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")), "PRE_COMMIT_COLOR": "never"}

    def run(folder, *arguments):
        command = [program, *arguments]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=300, check=False)

    return run


@pytest.fixture
def repository(tmp_path):
    """Return a repository with a payload that breaks the contract, one that does not, and JSON that is no payload."""
    git(tmp_path, "init", "--quiet")
    write(tmp_path / "jobs" / "nclue", good=PAYLOAD, bad=BAD)
    write(tmp_path, package={"name": "no payload"})
    git(tmp_path, "add", ".")
    return tmp_path


CONFIGURATION = """\
repos:
  - repo: {checkout}
    rev: {commit}
    hooks: [{{id: nclue-validate}}]
"""


def test_pre_commit_accepts_the_hook(pre_commit, checkout):
    done = pre_commit(checkout, "validate-manifest", ".pre-commit-hooks.yaml")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_hook_validates_payloads_and_nothing_else_by_the_settings_of_the_project(pre_commit, checkout, repository):
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, cwd=checkout, check=True, capture_output=True, encoding="ascii").stdout.strip()
    configuration = CONFIGURATION.format(checkout=checkout, commit=commit)
    (repository / ".pre-commit-config.yaml").write_text(configuration, encoding="utf-8")
    git(repository, "add", ".")
    done = pre_commit(repository, "run", "--all-files", "--verbose")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "jobs/nclue/bad.json:1:134: error NC120 path-character\n" in done.stdout
    assert "2 payloads: 1 valid, 1 invalid (1 error)" in done.stdout

    (repository / "pyproject.toml").write_text('[tool.nclue-contract.readings]\npath-characters = "page-2025"\n', encoding="utf-8")
    done = pre_commit(repository, "run", "--all-files", "--verbose")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 payloads: 2 valid" in done.stdout


# -- the action for GitHub ------------------------------------------------------------------------------------------------------

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
INSTALL, RUN, UPLOAD = STEPS

FAKE = """#!/bin/sh
printf '%s\\n' "$@" >"$RUNNER_TEMP/arguments"
echo "::error file=x,line=1::wrong"
echo "12 requests: 1 finding"
for argument in "$@"; do
  case "$argument" in junit:*) echo "<testsuites/>" >"${argument#junit:}" ;; esac
done
exit "${FAKE_STATUS:-0}"
"""
"""Stands for the program where only its arguments are tested."""


class Runner:
    """Runs a step as GitHub's runner does."""

    def __init__(self, temp, checkout, work):
        self.temp, self.checkout, self.work = temp, checkout, work
        self.program = temp / "nclue-contract" / "bin" / "nclue-contract"
        self.outputs = {}
        self.summary = ""

    def step(self, name, variables=(), **inputs):
        step = STEPS[name]
        given = {name: entry["default"] for name, entry in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        contexts = {f"inputs.{name}": value for name, value in given.items()} | {"github.action_path": str(self.checkout)}
        environment = {key: re.sub(r"\$\{\{ (.*?) \}\}", lambda match: contexts[match[1]], value) for key, value in step["env"].items()}
        files = {key: self.temp / key for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("", encoding="utf-8")
        environment |= {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(self.temp), "HOME": str(self.temp), **dict(variables)}
        environment |= {key: str(file) for key, file in files.items()}
        assert step["shell"] == "bash"
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=self.work, env=environment, capture_output=True, encoding="utf-8", timeout=300, check=False)
        lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
        self.outputs = dict(line.split("=", 1) for line in lines)
        self.summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        return done

    def arguments(self):
        return (self.temp / "arguments").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def runner(tmp_path, checkout):
    """Return a runner on which a stand-in for the program is installed."""
    runner = Runner(tmp_path / "temp", checkout, tmp_path)
    runner.program.parent.mkdir(parents=True)
    runner.program.write_text(FAKE, encoding="utf-8")
    runner.program.chmod(0o755)
    return runner


@pytest.fixture(scope="module")
def installed(checkout, tmp_path_factory):
    """Return a runner on which the action has installed the real program."""
    runner = Runner(tmp_path_factory.mktemp("temp"), checkout, tmp_path_factory.mktemp("work"))
    done = runner.step(INSTALL, OFFLINE)
    assert done.returncode == 0, done.stdout + done.stderr
    return runner


def test_no_input_is_written_into_a_script():
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")


def test_every_input_is_used_and_described():
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name, entry in ACTION["inputs"].items():
        assert f"inputs.{name}" in text
        assert entry["description"]


def test_actions_of_others_are_pinned_to_a_commit_with_the_version_beside_it():
    """A tag can be moved to other code, a commit cannot."""
    uses = [line.split("uses: ")[1] for line in (ROOT / "action.yml").read_text(encoding="utf-8").splitlines() if "uses: " in line]
    assert uses == ["github/codeql-action/upload-sarif@8aad20d150bbac5944a9f9d289da16a4b0d87c1e # v4.36.2"]
    others = [path for path in (ROOT / "examples").rglob("*.y*ml") if "uses:" in path.read_text(encoding="utf-8")]
    assert others == [], "these have to be pinned as well"


def test_the_action_installs_only_files_whose_hashes_are_known():
    """`check` needs h11, and building the package needs hatchling; both come from the index, with what they need."""
    lines = [line.strip() for line in STEPS[INSTALL]["run"].splitlines() if "[@]" in line]
    assert lines == [
        '"${pip[@]}" --require-hashes --no-deps --requirement "$ACTION_PATH/tools/requirements/action.txt"',
        '"${pip[@]}" --no-index --no-deps --no-build-isolation "$ACTION_PATH"',
    ]
    assert {"h11", "hatchling", "pathspec", "pluggy", "trove-classifiers"} <= versions("tools/requirements/action.txt").keys()


def versions(name):
    """Return the pinned versions in a file by name, in the one spelling that PyPI has for each name."""
    lines = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if "==" in line]
    pairs = [re.fullmatch(r"([A-Za-z0-9._-]+)==([^ ;]+)(?: ;.*)?(?: \\)?", line).groups() for line in lines]
    return {re.sub("[._-]+", "-", found).lower(): version for found, version in pairs}


@pytest.mark.parametrize("name", ["ci", "action", "uv"])
def test_each_version_is_that_of_the_constraints_and_has_its_hashes(name):
    path = f"tools/requirements/{name}.txt"
    constrained, pinned = versions("constraints.txt"), versions(path)
    assert [(one, version) for one, version in pinned.items() if constrained.get(one, version) != version] == [], "run: make hashes"
    for entry in re.split(r"\n(?=[A-Za-z0-9])", (ROOT / path).read_text(encoding="utf-8"))[1:]:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}$", entry.strip()), entry


def test_ci_installs_every_development_dependency_with_its_hash():
    """Those that `make test` and `make lint` need; a new one needs `make hashes`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [
        one for group in ("build", "test", "lint", "bench", "docs") for one in project["dependency-groups"][group] if isinstance(one, str)
    ]
    extras = [one for name, extra in project["project"]["optional-dependencies"].items() if name != "all" for one in extra]
    wanted = {re.match("[A-Za-z0-9._-]+", one)[0].lower() for one in (*groups, *extras)}
    assert sorted(wanted - versions("tools/requirements/ci.txt").keys()) == [], "run: make hashes"


def test_the_build_requirement_is_the_version_that_is_installed_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (requirement,) = project["build-system"]["requires"]
    assert requirement == f"hatchling=={versions('constraints.txt')['hatchling']}"
    assert requirement in project["dependency-groups"]["build"]


def test_findings_go_to_code_scanning_only_when_there_is_a_report_and_it_is_wanted():
    conditions = ["always()", "inputs.command == 'validate'", "inputs.upload-sarif == 'true'", "steps.run.outputs.report != ''"]
    assert STEPS[UPLOAD]["if"] == " && ".join(conditions)
    assert STEPS[UPLOAD]["with"]["sarif_file"] == "${{ steps.run.outputs.report }}"


def test_findings_go_to_annotations_summary_and_sarif(installed):
    write(installed.work / "jobs", good=PAYLOAD, bad=BAD)
    done = installed.step(RUN, paths="jobs/good.json\njobs/bad.json\n")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("::error file=jobs/bad.json,line=1,col=134,title=NC120 path-character::train_file_path holds '='")
    assert installed.outputs["exit-code"] == "1"
    sarif = json.loads(Path(installed.outputs["report"]).read_text(encoding="utf-8"))
    assert [result["ruleId"] for result in sarif["runs"][0]["results"]] == ["NC120"]
    assert installed.summary.startswith(
        "### nclue-contract validate: the contract is broken\n\n````````````\njobs/bad.json:1:134: error NC120"
    )
    assert "2 payloads: 1 valid, 1 invalid (1 error)" in installed.summary


def test_readings_and_arguments_change_the_result(installed):
    write(installed.work / "jobs", good=PAYLOAD, bad=BAD | {"train_bucket": "A"})
    done = installed.step(RUN, paths="jobs", readings="path-characters=page-2025\n", strict="true", args="--ignore bucket-name")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed.outputs["exit-code"] == "0"
    assert "the contract is kept" in installed.summary


def test_the_program_reports_a_mistake_in_the_inputs(installed):
    write(installed.work / "jobs", good=PAYLOAD)
    done = installed.step(RUN, paths="jobs", readings="path-dell=allowed")
    assert done.returncode == 2
    assert "nclue-contract: --reading: unknown reading 'path-dell'; did you mean path-del?" in done.stderr
    assert installed.outputs == {"exit-code": "2"}
    assert "usage, or unreadable input" in installed.summary


def test_the_package_comes_from_the_checkout_of_the_action(installed):
    done = subprocess.run([installed.program, "--version"], capture_output=True, encoding="utf-8", check=True)
    (version,) = re.findall(r'^__version__ = "(.*)"$', (ROOT / "nclue_contract" / "__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert done.stdout.startswith(f"nclue-contract {version} ")


@pytest.mark.parametrize(("status", "outcome"), [("0", "is kept"), ("1", "is broken"), ("3", "inconclusive")])
def test_a_server_is_checked_by_its_url(runner, status, outcome):
    done = runner.step(RUN, {"FAKE_STATUS": status}, command="check", url="http://127.0.0.1:8000/api/v1", args="--seed '1 2'")
    report = runner.temp / "nclue-contract.junit.xml"
    assert runner.arguments() == [
        *("check", "--format", "github", "--report", f"junit:{report}"),
        *("--seed", "1 2", "--", "http://127.0.0.1:8000/api/v1"),
    ]
    assert done.returncode == int(status)
    assert runner.outputs == {"exit-code": status, "report": str(report)}
    assert outcome in runner.summary
    assert "12 requests: 1 finding" in runner.summary
    assert "::error" not in runner.summary


def test_the_text_of_an_input_is_never_run(runner):
    evil = '$(touch hacked) `touch hacked`; touch hacked & "touch hacked" | touch hacked'
    runner.step(RUN, paths=f"{evil}\n-x.json\n", readings=evil, args="'$(touch hacked)' \\; touch")
    assert not (runner.work / "hacked").exists()
    tail = ["--reading", evil, "$(touch hacked)", ";", "touch", "--", evil, "-x.json"]
    assert runner.arguments()[-len(tail) :] == tail


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"command": "sign", "paths": "x"}, "command is validate or check"),
        ({}, "validate needs paths, and check needs url"),
        ({"command": "check", "url": " "}, "validate needs paths, and check needs url"),
        ({"paths": "x", "strict": "yes"}, "strict is true or false"),
        ({"paths": "x", "args": "'x"}, "args has a quote that does not end"),
    ],
    ids=["command", "no paths", "no url", "strict", "quote"],
)
def test_an_unusable_input_is_an_error_with_a_message(runner, inputs, message):
    done = runner.step(RUN, **inputs)
    assert (done.returncode, done.stdout) == (2, f"::error title=nclue-contract::{message}\n")
    assert runner.outputs == {"exit-code": "2"}
    assert not (runner.temp / "arguments").exists()


def test_a_runner_whose_python_is_too_old_gets_an_instruction(runner):
    old = runner.temp / "old"
    old.mkdir()
    (old / "python3").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (old / "python3").chmod(0o755)
    done = runner.step(INSTALL, {"PATH": f"{old}:{os.environ['PATH']}"})
    assert done.returncode == 1
    assert done.stdout == (
        "::error title=nclue-contract::Python 3.11 or later is needed; let actions/setup-python run before this action\n"
    )
