"""The command `nclue-contract`: options in, doors called, text out. What a user can do wrong gives a sentence and an exit code."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from nclue_contract import __version__
from nclue_contract.config import ConfigError, Settings, load
from nclue_contract.output import KEPT, UNTOLD, USAGE, Run
from nclue_contract.readings import Readings
from nclue_contract.reports import FORMATS
from nclue_contract.spec import contract

_DESCRIPTION = "Tells whether payloads keep the contract of NAVER Cloud's NCLUE tasks API, and why not."
_EXITS = "Exit codes: 0 the contract is kept, 1 it is broken, 2 usage or unreadable input, 3 could not tell."


class UsageError(Exception):
    """The user asked for something that cannot be done; the message says what."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except (UsageError, ConfigError) as error:
        _complain(str(error))
        return USAGE
    except BrokenPipeError:
        # The reader of a pipe has seen enough. Python would complain once more when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNTOLD
    except KeyboardInterrupt:
        _complain("interrupted")
        return UNTOLD
    return code


def _complain(message: str) -> None:
    encoding = sys.stderr.encoding or "ascii"
    print("nclue-contract:", message.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nclue-contract", description=_DESCRIPTION, epilog=_EXITS)
    parser.add_argument("--version", action="version", version=f"nclue-contract {__version__} (contract {contract().revision})")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    judging = argparse.ArgumentParser(add_help=False)
    judging.add_argument(
        "--reading", action="append", default=[], metavar="ID=OPTION", help="pin how an open question is read (repeatable)"
    )
    judging.add_argument("--version", action="version", version=f"nclue-contract {__version__} (contract {contract().revision})")

    validate = commands.add_parser("validate", parents=[judging], help="judge payloads of createTask", epilog=_EXITS)
    validate.add_argument("names", nargs="*", metavar="FILE", help="file, folder, glob, or - for standard input (the default)")
    validate.add_argument("--strict", action="store_true", default=None, help="warnings are errors")
    validate.add_argument("--ignore", action="append", default=[], metavar="RULE", help="pass over a rule, by code or slug (repeatable)")
    validate.add_argument("--format", choices=FORMATS, default="text", help="format of standard output")
    validate.add_argument("--report", action="append", default=[], metavar="FORMAT:PATH", help="also write a report to a file (repeatable)")
    validate.add_argument(
        "--input-format", choices=("json", "jsonl"), help="one JSON text, or one per line; else extension and content decide"
    )
    validate.add_argument("--quiet", action="store_true", help="text: a line per error and nothing else")
    validate.set_defaults(run=_validate)

    explain = commands.add_parser("explain", parents=[judging], help="tell about a rule or a reading")
    explain.add_argument("name", nargs="?", metavar="RULE|READING", help="NC120, path-character, path-high-codes, …; without it, the list")
    explain.set_defaults(run=_explain)

    spec = commands.add_parser("spec", parents=[judging], help="the OpenAPI document")
    what = spec.add_mutually_exclusive_group()
    what.add_argument("--path", action="store_true", help="print the path of the file (default readings)")
    what.add_argument("--json", action="store_true", help="print the document, with the readings written into its schemas (the default)")
    spec.set_defaults(run=_spec)
    return parser


def _settings(options: argparse.Namespace) -> tuple[Settings, Readings]:
    """The project's settings, and the readings: option before pyproject.toml before default."""
    settings = load(Path.cwd())
    pins = {}
    for text in options.reading:
        name, equals, option = text.partition("=")
        if not equals:
            message = f"--reading {text!r:.80}: write it as ID=OPTION"
            raise UsageError(message)
        pins[name] = option
    layers = [(str(settings.path), settings.readings), ("--reading", pins)]
    for source, layer in layers:
        try:
            Readings.choose((source, layer))
        except ValueError as error:
            message = f"{source}: {error}"
            raise UsageError(message) from error
    return settings, Readings.choose(*layers)


def _validate(options: argparse.Namespace) -> int:
    from nclue_contract.validate import Options, validate  # noqa: PLC0415  # doors are opened when needed
    from nclue_contract.validator import Validator  # noqa: PLC0415

    settings, readings = _settings(options)
    strict = settings.strict if options.strict is None else options.strict
    try:
        validator = Validator(readings, strict=strict, ignore=[*settings.ignore, *options.ignore])
    except ValueError as error:
        raise UsageError(str(error)) from error
    names = options.names or ["-"]
    if names == ["-"] and not options.names and sys.stdin.isatty():
        message = "nothing to validate: name files, folders or globs, or pipe a payload in"
        raise UsageError(message)
    reports = [_report(text) for text in options.report]
    if len({path.absolute() for _, path in reports}) < len(reports):
        message = "--report: two reports go to the same file"
        raise UsageError(message)
    run = Run(version=__version__, revision=contract().revision, readings=readings, strict=strict)
    wanted = Options(names, options.input_format, options.format, reports, options.quiet)
    try:
        return validate(validator, run, wanted, sys.stdin.buffer, sys.stdout, sys.stderr)
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"cannot write {error.filename or 'a report'}: {error.strerror}"
        raise UsageError(message) from error


def _report(text: str) -> tuple[str, Path]:
    form, colon, path = text.partition(":")
    if not colon or not path or form not in FORMATS:
        message = f"--report {text!r:.80}: write it as FORMAT:PATH; formats: {', '.join(FORMATS)}"
        raise UsageError(message)
    if not Path(path).absolute().parent.is_dir():
        message = f"--report {text!r:.80}: there is no folder {Path(path).parent}"
        raise UsageError(message)
    if Path(path).is_dir():
        message = f"--report {text!r:.80}: {path} is a folder"
        raise UsageError(message)
    return form, Path(path)


def _explain(options: argparse.Namespace) -> int:
    from nclue_contract.caret import safe  # noqa: PLC0415  # doors are opened when needed
    from nclue_contract.explain import explain, overview  # noqa: PLC0415

    _, readings = _settings(options)
    try:
        text = explain(contract(), options.name, readings) if options.name else overview(contract())
    except ValueError as error:
        raise UsageError(str(error)) from error
    for line in text.splitlines():
        print(safe(line, sys.stdout.encoding or "ascii"))
    return KEPT


def _spec(options: argparse.Namespace) -> int:
    from nclue_contract.openapi import document  # noqa: PLC0415  # doors are opened when needed

    _, readings = _settings(options)
    if not options.path:
        print(json.dumps(document(readings), indent=1))
        return KEPT
    path = Path(__file__).with_name("openapi.json")
    if not path.is_file():
        message = "the package is not unpacked, so the document is no file; use `nclue-contract spec --json`"
        raise UsageError(message)
    print(path)
    return KEPT
