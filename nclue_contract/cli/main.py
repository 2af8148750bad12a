"""The command `nclue-contract`: options in, doors called, text out. What a user can do wrong gives a sentence and an exit code."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from nclue_contract import __version__
from nclue_contract.cli import check as check_command
from nclue_contract.cli.config import ConfigError, Settings, load
from nclue_contract.cli.serve import add_parsers, run_faults, run_serve
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.signing import now_ms
from nclue_contract.validation.reports.base import FORMATS, INCONCLUSIVE, PASSED, USAGE, Run

_DESCRIPTION = "Tells whether payloads keep the contract of NAVER Cloud's NCLUE tasks API, and why not."
_EXITS = "Exit codes: 0 the contract is kept, 1 it is broken, 2 usage or unreadable input, 3 could not tell."


class UsageError(Exception):
    """The user asked for something that cannot be done; the message says what."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process; returns the exit code."""
    options = _parser().parse_args(argv)
    if sys.stdout is None:  # what Python makes of a closed one, and so it does with the two others
        _complain("standard output is closed")
        return USAGE
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except (UsageError, ConfigError) as error:
        _complain(str(error))
        return USAGE
    except BrokenPipeError:
        # The reader of a pipe has seen enough.
        _give_up_standard_output()
        return INCONCLUSIVE
    except OSError as error:
        _give_up_standard_output()
        _complain(f"cannot write {error.filename or 'the output'}: {error.strerror or error}")
        return USAGE
    except KeyboardInterrupt:
        _complain("interrupted")
        return INCONCLUSIVE
    return code


def _give_up_standard_output() -> None:
    """Python would complain about what is left in its buffer once more when it ends."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> None:
    if sys.stderr is None:  # as above
        return
    from nclue_contract.validation.reports.excerpt import safe  # noqa: PLC0415  # only those who are complained to need it

    print("nclue-contract:", safe(message, sys.stderr.encoding or "ascii"), file=sys.stderr)


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
    validate.add_argument("--format", choices=FORMATS["validate"], default="text", help="format of standard output")
    validate.add_argument("--report", action="append", default=[], metavar="FORMAT:PATH", help="also write a report to a file (repeatable)")
    validate.add_argument(
        "--input-format", choices=("json", "jsonl"), help="one JSON text, or one per line; else extension and content decide"
    )
    validate.add_argument("--quiet", action="store_true", help="text: a line per error and nothing else")
    validate.set_defaults(run=_validate)

    explain = commands.add_parser("explain", parents=[judging], help="tell about a rule, a reading or an error code")
    explain.add_argument(
        "name", nargs="?", metavar="RULE|READING", help="such as NC120, path-character or path-high-codes; without it, the list"
    )
    explain.set_defaults(run=_explain)

    spec = commands.add_parser("spec", parents=[judging], help="the OpenAPI document")
    what = spec.add_mutually_exclusive_group()
    what.add_argument("--path", action="store_true", help="print the path of the file (default readings)")
    what.add_argument("--json", action="store_true", help="print the document, with the readings written into its schemas (the default)")
    spec.set_defaults(run=_spec)

    sign = commands.add_parser("sign", help="the signed headers of a request, with the keys in NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY")
    sign.add_argument("method", metavar="METHOD", help="such as GET or POST")
    sign.add_argument("url", metavar="URL", help="whole, with its query, encoded as it is sent")
    sign.add_argument("--timestamp", metavar="MS", help="milliseconds since 1970-01-01 UTC; the default is now")
    sign.add_argument("--curl", action="store_true", help="print a curl command instead; the signature is good for five minutes")
    sign.add_argument("--version", action="version", version=f"nclue-contract {__version__} (contract {contract().revision})")
    sign.set_defaults(run=_sign)

    for name, command in check_command.add_parsers(commands, judging).items():
        command.set_defaults(run={"check": _check, "probe": _probe, "cleanup": _cleanup}[name])
    serve, faults = add_parsers(commands, judging)
    serve.set_defaults(run=_serve)
    faults.set_defaults(run=_faults)
    return parser


def _settings(options: argparse.Namespace) -> tuple[Settings, Readings]:
    """The project's settings, and the readings: option before pyproject.toml before default."""
    try:
        settings = load(Path.cwd())
    except FileNotFoundError as error:
        message = "the current folder does not exist any more"
        raise UsageError(message) from error
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
    from nclue_contract.cli.validate import Options, validate  # noqa: PLC0415  # doors are opened when needed
    from nclue_contract.validation.validator import Validator  # noqa: PLC0415

    settings, readings = _settings(options)
    strict = settings.strict if options.strict is None else options.strict
    validator = Validator(
        readings, strict=strict, ignore=[*_ignored(settings.path, settings.ignore), *_ignored("--ignore", options.ignore)]
    )
    names = options.names or ["-"]
    if not options.names and (sys.stdin is None or sys.stdin.isatty()):  # None when it is closed
        message = "nothing to validate: name files, folders or globs, or pipe a payload in"
        raise UsageError(message)
    reports = _reports(options.report)
    ignored = tuple(sorted(validator.ignore))
    run = Run(version=__version__, revision=contract().revision, readings=readings, strict=strict, ignored=ignored)
    wanted = Options(names, options.input_format, options.format, reports, options.quiet)
    stdin = sys.stdin.buffer if sys.stdin else None  # None when it is closed
    try:
        return validate(validator, run, wanted, stdin, sys.stdout, sys.stderr or io.StringIO())
    except ValueError as error:
        raise UsageError(str(error)) from error


def _ignored(source: object, names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if contract().rule(name) is None:
            message = f"{source}: unknown rule {name!r:.80}; `nclue-contract explain` lists them"
            raise UsageError(message)
    return names


def _reports(texts: Sequence[str], formats: Sequence[str] = FORMATS["validate"]) -> list[tuple[str, Path]]:
    reports = [_report(text, formats) for text in texts]
    files = [os.path.realpath(path) for _, path in reports if path.is_file() or not path.exists()]  # not /dev/null
    if len(set(files)) < len(files):
        message = "--report: two reports go to the same file"
        raise UsageError(message)
    return reports


def _report(text: str, formats: Sequence[str]) -> tuple[str, Path]:
    form, colon, path = text.partition(":")
    if not colon or not path or form not in formats:
        message = f"--report {text!r:.80}: write it as FORMAT:PATH; formats: {', '.join(formats)}"
        raise UsageError(message)
    if not Path(path).absolute().parent.is_dir():
        message = f"--report {text!r:.80}: there is no folder {Path(path).parent}"
        raise UsageError(message)
    if Path(path).is_dir():
        message = f"--report {text!r:.80}: {path} is a folder"
        raise UsageError(message)
    return form, Path(path)


def _explain(options: argparse.Namespace) -> int:
    from nclue_contract.validation.explain import explain, overview  # noqa: PLC0415
    from nclue_contract.validation.reports.excerpt import safe  # noqa: PLC0415  # doors are opened when needed

    _, readings = _settings(options)
    try:
        text = explain(contract(), options.name, readings) if options.name else overview(contract())
    except ValueError as error:
        raise UsageError(str(error)) from error
    for line in text.splitlines():
        print(safe(line, sys.stdout.encoding or "ascii"))
    return PASSED


def _spec(options: argparse.Namespace) -> int:
    from nclue_contract.contract.openapi import document  # noqa: PLC0415  # doors are opened when needed

    _, readings = _settings(options)
    if not options.path:
        pinned = any(map(readings.pinned, readings))
        print(json.dumps(document(readings if pinned else None), indent=1))
        return PASSED
    path = Path(__file__).parent.parent / "contract" / "openapi.json"
    if not path.is_file():
        message = "the package is not unpacked, so the document is no file; use `nclue-contract spec --json`"
        raise UsageError(message)
    print(path)
    return PASSED


def _serve(options: argparse.Namespace) -> int:
    _, readings = _settings(options)
    return _usable(lambda: run_serve(options, readings))


def _check(options: argparse.Namespace) -> int:
    settings, readings = _settings(options)
    strict = settings.strict if options.strict is None else options.strict
    reports = _reports(options.report, FORMATS["check"])
    options.skip = [*_ignored(settings.path, settings.ignore), *options.skip]
    return _usable(lambda: check_command.run_check(options, readings, reports, strict=strict))


def _probe(options: argparse.Namespace) -> int:
    _, readings = _settings(options)
    return _usable(lambda: check_command.run_probe(options, readings))


def _cleanup(options: argparse.Namespace) -> int:
    return _usable(lambda: check_command.run_cleanup(options))


def _usable(run: Callable[[], int]) -> int:
    """The exit code of a command whose `ValueError` is about what the user asked for."""
    try:
        return run()
    except ValueError as error:
        raise UsageError(str(error)) from error


def _faults(options: argparse.Namespace) -> int:
    _settings(options)
    return _usable(lambda: run_faults(options))


def _sign(options: argparse.Namespace) -> int:
    from nclue_contract.cli.sign import curl_command, header_lines, sign  # noqa: PLC0415  # doors are opened when needed

    try:
        headers = sign(options.method, options.url, os.environ, now_ms(), options.timestamp)
    except ValueError as error:
        raise UsageError(str(error)) from error
    print(curl_command(options.method, options.url, headers) if options.curl else header_lines(headers))
    return PASSED
