"""Code that generators write from our schemas keeps the rules: they drop `not`, but not the anchored pattern of a path."""

import importlib.util
import subprocess
import sys
from dataclasses import replace

import pytest
from pydantic import ValidationError

from nclue_contract.cli.main import main
from tests.support.tools import NODE_MODULES, ROOT, missing, node, node_tool
from tools.engines.cases import PAYLOAD, all_cases

OPTIONS = ["--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin", "--disable-timestamp"]


@pytest.fixture(scope="module", params=["2020-12", "draft-07"])
def models(request, tmp_path_factory):
    """Return the module that datamodel-code-generator writes from the schema of a payload."""
    folder = tmp_path_factory.mktemp("generated")
    with pytest.MonkeyPatch.context() as patch, (folder / "schema.json").open("w", encoding="utf-8") as file:
        patch.chdir(folder)  # away from any pyproject.toml with settings
        patch.setattr(sys, "stdout", file)
        assert main(["spec", "--schema", "TaskRequest", "--draft", request.param]) == 0
    command = [sys.executable, "-m", "datamodel_code_generator", "--input", "schema.json", "--input-file-type", "jsonschema", *OPTIONS]
    done = subprocess.run([*command, "--output", "models.py"], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    spec = importlib.util.spec_from_file_location("generated_models", folder / "models.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)  # its annotations are resolved by name
        spec.loader.exec_module(module)
    return module


def accepts(model, value):
    try:
        model.model_validate(value)
    except ValidationError:
        return False
    return True


def test_the_models_of_datamodel_code_generator_have_the_results_of_the_schema_engines(models):
    cases = all_cases()
    assert [case.name for case in cases if accepts(getattr(models, case.schema), case.instance) != case.valid] == []


@pytest.fixture(scope="module")
def zod_module(tmp_path_factory):
    """Return the module with zod schemas that orval writes from our OpenAPI document."""
    node()
    if not (NODE_MODULES / "orval").is_dir():
        missing("orval is not in tools/node/node_modules; run: make node")
    folder = tmp_path_factory.mktemp("zod")
    (folder / "node_modules").symlink_to(NODE_MODULES, target_is_directory=True)  # where the module finds zod
    document = ROOT / "nclue_contract" / "contract" / "openapi.json"
    command = [*node_tool("orval/dist/bin/orval.js"), "--input", str(document), "--output", "./schemas.ts", "--client", "zod"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "schemas.ts").rename(folder / "schemas.mjs")  # it has no types, so every Node can load it


def test_the_zod_schemas_of_orval_have_the_results_of_the_schema_engines(zod_module, tmp_path):
    of_paths = [replace(case, instance=PAYLOAD | {"train_file_path": case.instance}) for case in all_cases() if case.schema == "FilePath"]
    cases = [*of_paths, *(case for case in all_cases() if case.schema == "TaskRequest")]
    (tmp_path / "instances.jsonl").write_text("".join(case.line() for case in cases), encoding="utf-8")
    program = ROOT / "tests" / "engines" / "zod.mjs"
    command = [node(), str(program), str(zod_module), "createTaskBody", str(tmp_path / "instances.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    results = dict(zip((case.name for case in cases), done.stdout.strip(), strict=True))
    assert [case.name for case in cases if (results[case.name] == "1") != case.valid] == []
    assert results["payload: train_file_path with a tilde"] == results["payload: test_file_path with a tilde"] == "0"
