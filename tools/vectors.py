"""Write the test data for other languages in `vectors/`; its README describes the format.

    python -m tools.vectors           write the files (each whole or not at all)
    python -m tools.vectors --check   write nothing; exit 1 when a file is out of date

All values come from files in which they were typed by hand: payloads and findings from `tests/corpus`, signatures from `tests/vectors`,
responses from `openapi/examples.yaml` and from the examples of `openapi/nclue-tasks.yaml`. The validator computes none of them.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Any

from nclue_contract.contract.model import contract
from nclue_contract.contract.openapi import document
from tools.compile_spec import write
from tools.documentation.examples import examples, response_of

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "vectors"
COMMAND = "python -m tools.vectors"
FORMAT = 1
"""Version of the format; raised when an existing key gets another meaning."""

_STEPS = ("method", "target", "timestamp", "access-key", "secret-key", "string-to-sign", "signature")


def files() -> dict[str, str]:
    """Return the text of each file by its name."""
    lists = {"payloads": payloads(), "signatures": signatures(), "responses": responses()}
    head = {"format": FORMAT, "contract": contract().revision}
    return {f"{name}.json": json.dumps({**head, name: rows}, indent=1) + "\n" for name, rows in lists.items()}


def payloads() -> list[dict[str, Any]]:
    """Return the cases of the corpus. A body that is not UTF-8, or has a byte order mark, is in Base64."""
    rows = []
    for folder in ("valid", "invalid"):
        for file in sorted((ROOT / "tests" / "corpus" / folder).glob("*.json")):
            if file.name.endswith(".expected.json"):
                continue
            findings = json.loads(file.with_suffix(".expected.json").read_text(encoding="utf-8"))
            rows.append({"name": file.stem, **_body(file.read_bytes()), "valid": folder == "valid", "findings": findings})
    return rows


def _body(data: bytes) -> dict[str, str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\ufeff"
    return {"body_base64": base64.b64encode(data).decode()} if text.startswith("\ufeff") else {"body": text}


def signatures() -> list[dict[str, str]]:
    """Return the vectors of Signature v2, with each step."""
    folders = sorted(path for path in (ROOT / "tests" / "vectors").iterdir() if path.is_dir())
    return [
        {"name": folder.name} | {step.replace("-", "_"): (folder / step).read_bytes().decode("utf-8") for step in _STEPS}
        for folder in folders
    ]


def responses() -> list[dict[str, Any]]:
    """Return the documented examples, which are valid, and the examples of rules about responses, with the rules that they break."""
    api = document()
    valid = [
        _response_row(f"{operation['operationId']} {status} {name}", operation["operationId"], int(status), example["value"], [])
        for operation, status, name, example in _documented(api)
    ]
    broken = []
    for code, example in examples().rules.items():
        if example.kind == "response":
            value = example.entry["response"]
            status, headers, body = response_of(value)
            row = _response_row(f"breaks {code}", value["operation"], status, body, sorted({code, *example.also}))
            row["headers"] = headers
            row["request"] = value.get("request")
            broken.append(row)
    return valid + broken


def _documented(api: dict[str, Any]) -> list[tuple[dict[str, Any], str, str, dict[str, Any]]]:
    """Return the operation, status, name and value of each example of a response in the document."""
    parts = api["components"]
    found = []
    for operation in (node for item in api["paths"].values() for node in item.values() if "operationId" in node):
        for status, reference in operation["responses"].items():
            response = parts["responses"][reference["$ref"].rpartition("/")[2]]
            for example in response["content"]["application/json"].get("examples", {}).values():
                name = example["$ref"].rpartition("/")[2]
                found.append((operation, status, name, parts["examples"][name]))
    return found


def _response_row(name: str, operation: str, status: int, body: object, rules: list[str]) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    headers = {"content-type": "application/json"}
    return {"name": name, "operation": operation, "status": status, "headers": headers, "body": text, "request": None, "rules": rules}


def main(argv: list[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the test data for other languages.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    options = parser.parse_args(argv)
    stale = {
        name: text for name, text in files().items() if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != text
    }
    for name, text in stale.items():
        if options.check:
            print(f"{FOLDER.name}/{name} is out of date; run: {COMMAND}", file=sys.stderr)
        else:
            write(FOLDER / name, text)
            print(f"wrote {FOLDER.name}/{name}")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
