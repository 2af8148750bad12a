"""Code that generators write from our schemas keeps the rules: they drop `not`, but not the anchored pattern of a path."""

import importlib.util
import subprocess
import sys

import pytest
from pydantic import ValidationError

from nclue_contract.cli.main import main
from tools.engines.cases import all_cases

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
