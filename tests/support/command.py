"""The command `nclue-contract`, run inside the process of the tests."""

import io
import json
from typing import NamedTuple

from nclue_contract.cli.main import main


class Result(NamedTuple):
    """Exit code, standard output and standard error; `report` is what is printed with `--format json`."""

    code: int
    out: str
    err: str

    @property
    def report(self):
        return json.loads(self.out)


def run_main(capsys, monkeypatch, arguments, stdin=b""):
    """Run the command with these arguments and this input, text or bytes."""
    data = stdin if isinstance(stdin, bytes) else stdin.encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
    try:
        code = main([*map(str, arguments)])
    except SystemExit as end:
        code = end.code
    return Result(code, *capsys.readouterr())
