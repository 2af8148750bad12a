"""The commands `check`, `probe` and `cleanup`: their options, and what is made of them."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nclue_contract import __version__
from nclue_contract.check.expectations import FixtureData
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import counted
from nclue_contract.signing import Credentials, now_ms
from nclue_contract.validation.reports.base import FORMATS, INCONCLUSIVE, PASSED

if TYPE_CHECKING:
    from nclue_contract.check.results import CheckResult
    from nclue_contract.check.run import Options

_KEYS = """\
The key pair is read from NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY; on loopback a fake one stands in when there is none. The real service is
only read, or gets as many creations as --allow-create says, at one request per second; other hosts that are not loopback are only read
without --allow-create. Exit codes: 0 the contract is kept, 1 it is broken, 2 usage, 3 could not tell."""

_NAME = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""The name of a header (RFC 9110, section 5.6.2)."""


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:  # noqa: ANN401  # as in serve_command
    """Add the parsers of the three commands, and give them by name."""
    check = commands.add_parser("check", parents=[common], help="check whether a server keeps the contract", epilog=_KEYS)
    check.add_argument("url", nargs="?", metavar="URL", help="what stands before /tasks; without it, the embedded reference server")
    add_server(check)
    add_choice(check)
    check.add_argument("--strict", action="store_true", default=None, help="warnings about answers, such as unknown fields, are failures")
    check.add_argument("--baseline", type=Path, metavar="FILE", help="an earlier JSON report; its failures are accepted")
    check.add_argument("--fail-on-untested", action="store_true", help="what was not tested is a failure as well")
    check.add_argument("--dry-run", action="store_true", help="show the plan and what it costs, and send nothing")
    check.add_argument("--explore", type=_seconds, default=0.0, metavar="SECONDS", help="then let Schemathesis explore so long")
    check.add_argument("--seed", type=int, metavar="N", help="seed of the exploration")
    check.add_argument("--format", choices=FORMATS["check"], default="text", help="format of standard output")
    check.add_argument("--report", action="append", default=[], metavar="FORMAT:PATH", help="also write a report to a file (repeatable)")
    check.add_argument("--quiet", action="store_true", help="text: a line per failure and nothing else")
    probe = commands.add_parser("probe", parents=[common], help="find out how a server reads the documentation", epilog=_KEYS)
    probe.add_argument("url", nargs="?", metavar="URL", help="as for check")
    add_server(probe)
    probe.add_argument("--format", choices=FORMATS["probe"], default="text", help="format of standard output")
    probe.add_argument("--write", type=Path, metavar="FILE", help="put the readings into this pyproject.toml")
    cleanup = commands.add_parser("cleanup", help="delete the tasks that a check has left behind", epilog=_KEYS)
    cleanup.add_argument("ledger", type=Path, metavar="LEDGER", help="the file that the check has written")
    cleanup.add_argument("--header", action="append", default=[], metavar="NAME:VALUE", help="a header to be sent besides (repeatable)")
    cleanup.add_argument("--cacert", metavar="FILE", help="certificates to trust (PEM)")
    cleanup.add_argument("--timeout", type=_seconds, default=10.0, metavar="SECONDS", help="for a whole exchange (%(default)s)")
    cleanup.add_argument("--rate", type=_rate, default=0.0, metavar="N", help="requests per second, at most")
    return {"check": check, "probe": probe, "cleanup": cleanup}


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose cases."""
    parser.add_argument("--only", action="append", default=[], metavar="RULE", help="only this rule or group, as NC120 or NC12")
    parser.add_argument("--skip", action="append", default=[], metavar="RULE", help="not this rule or group (repeatable)")
    parser.add_argument("--full", action="store_true", help="every character at every position, and more combinations")


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what the server is like, and what may be done to it."""
    known = FixtureData()
    parser.add_argument("--feature-id", default=known.feature_id, metavar="ID", help="a feature that the server knows")
    parser.add_argument("--bucket", default=known.bucket, metavar="NAME", help="a bucket that it knows (%(default)s)")
    parser.add_argument("--file", default=known.file, metavar="PATH", help="a file in the bucket (%(default)s)")
    parser.add_argument("--failing-file", metavar="PATH", help="a file with which tasks fail, so that failures are checked too")
    parser.add_argument("--access-key", metavar="KEY", help="instead of NCLUE_ACCESS_KEY")
    parser.add_argument("--secret-key", metavar="KEY", help="instead of NCLUE_SECRET_KEY; others on this machine can read it here")
    parser.add_argument("--signed-prefix", metavar="PATH", help="the path that is signed, where a proxy rewrites the one in the URL")
    parser.add_argument("--header", action="append", default=[], metavar="NAME:VALUE", help="a header to be sent besides (repeatable)")
    parser.add_argument("--cacert", metavar="FILE", help="certificates to trust (PEM)")
    parser.add_argument("--budget", type=_count, metavar="N", help="send at most so many requests, the most telling ones first")
    parser.add_argument("--rate", type=_rate, default=0.0, metavar="N", help="requests per second, at most")
    parser.add_argument("--timeout", type=_seconds, default=10.0, metavar="SECONDS", help="for a whole exchange (%(default)s)")
    parser.add_argument(
        "--lifecycle-timeout", type=_seconds, default=60.0, metavar="SECONDS", help="how long tasks are watched (%(default)s)"
    )
    parser.add_argument("--allow-create", metavar="N|all", help="how many creations a host that is not loopback may get")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="where the tasks that are created are written down")


# -- the commands -------------------------------------------------------------------------------------------------------------------------


def run_check(options: argparse.Namespace, readings: Readings, reports: Sequence[tuple[str, Path]], *, strict: bool) -> int:
    """Check a server; returns the exit code. Raises `ValueError` with a sentence for everything the user can do something about."""
    from nclue_contract.check.results import State  # noqa: PLC0415
    from nclue_contract.check.run import accept, baseline, check  # noqa: PLC0415  # doors are opened when needed

    wanted = options_of(options, strict=strict)
    if options.dry_run:
        for line in _dry_run(wanted):
            print(line)
        return PASSED
    known = baseline(options.baseline) if options.baseline is not None else ()  # before anything is sent
    if options.explore:
        from nclue_contract.check.explore import Bounds, explore, require_allowed  # noqa: PLC0415  # as above

        require_allowed(wanted)
    started_ms = now_ms()
    result = check(wanted, readings, os.environ, sys.stderr, bar=_draws(options))
    if options.explore:
        try:
            bounds = Bounds(options.explore, options.explore_examples, options.seed)
            result = explore(wanted, result, bounds, os.environ)
        except KeyboardInterrupt:  # what the check itself has found is not lost
            result = replace(result, notes=(*result.notes, "the exploration was interrupted, and nothing of it is in this report"))
    result = accept(result, known)
    _write(result, options, reports, started_ms)
    untested = options.fail_on_untested and result.exit_code == PASSED and result.counts[State.NOT_TESTED]
    return 1 if untested else result.exit_code


def run_probe(options: argparse.Namespace, readings: Readings) -> int:
    """Find out the readings of a server."""
    from nclue_contract.check.readings_table import table, write  # noqa: PLC0415
    from nclue_contract.check.reports.machine import check_json  # noqa: PLC0415
    from nclue_contract.check.reports.text import reading_lines  # noqa: PLC0415
    from nclue_contract.check.run import check  # noqa: PLC0415  # doors are opened when needed

    # What a probe wrote into the settings earlier, or somebody by hand, is what it is to find out; only pins of this command stay.
    pins = {name: option for name, option in readings.items() if readings.sources[name] == "--reading"}
    result = check(options_of(options, probe=True), Readings.choose(("--reading", pins)), os.environ, sys.stderr, bar=_draws(options))
    if options.format == "json":
        sys.stdout.write(check_json(result, __version__))
    elif options.format == "toml":
        sys.stdout.write(table(result))
    else:
        print("\n".join(reading_lines(result)))
    if result.stop_reason:
        print(f"could not tell: {result.stop_reason}", file=sys.stderr)
        return INCONCLUSIVE
    if options.write is not None:
        write(options.write, result)
    return PASSED


def run_cleanup(options: argparse.Namespace) -> int:
    """Delete what a check has left behind."""
    from nclue_contract.check.ledger import read_ledger  # noqa: PLC0415
    from nclue_contract.check.run import Options, clean_up  # noqa: PLC0415
    from nclue_contract.validation.reports.excerpt import safe  # noqa: PLC0415  # doors are opened when needed

    headers, cafile = _headers(options.header), _readable(options.cacert)
    wanted = Options(headers=headers, cafile=cafile, timeout_s=options.timeout, rate=options.rate)
    cleaned = clean_up(read_ledger(options.ledger), wanted, os.environ)
    why = ": their state does not allow it yet, or the server refused" if cleaned.left and not cleaned.trouble else ""
    print(f"{counted(len(cleaned.gone), 'task')} deleted, {len(cleaned.left)} left{why}")
    for name in cleaned.doubtful:
        named = safe(name, sys.stdout.encoding or "ascii")
        print(f"see for yourself whether the task named {named} is one of the check or somebody else's; it was not deleted")
    if cleaned.trouble:
        print(f"could not tell: {cleaned.trouble}", file=sys.stderr)
    return INCONCLUSIVE if cleaned.left or cleaned.doubtful or cleaned.trouble else PASSED


def options_of(options: argparse.Namespace, *, strict: bool = False, probe: bool = False) -> Options:
    """The options of a check, from those of the command line. Raises `ValueError` with a sentence."""
    from nclue_contract.check.run import Options  # noqa: PLC0415  # as above

    if (options.access_key is None) != (options.secret_key is None):
        raise ValueError("--access-key and --secret-key come together")
    keys = None if options.access_key is None else Credentials(options.access_key, options.secret_key)
    return Options(
        url=options.url,
        known=FixtureData(options.feature_id, options.bucket, options.file, options.failing_file),
        credentials=keys,
        signed_prefix=options.signed_prefix,
        headers=_headers(options.header),
        cafile=_readable(options.cacert),
        only=_rules("--only", getattr(options, "only", [])),
        skip=_rules("--skip", getattr(options, "skip", [])),
        full=getattr(options, "full", False),
        budget=options.budget,
        rate=options.rate,
        timeout_s=options.timeout,
        lifecycle_s=options.lifecycle_timeout,
        allow_create=options.allow_create,
        ledger=options.ledger,
        probe=probe,
        strict=strict,
    )


def _rules(option: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Codes, slugs, or the beginning of codes (`NC12`, `NC3xx`), as beginnings of codes."""
    found = []
    for text in texts:
        rule = contract().rule(text)
        beginning = rule.code if rule else text.upper().rstrip("X")
        if len(beginning) < 3 or not any(code.startswith(beginning) for code in contract().rules):
            raise ValueError(f"{option} {text!r:.40}: no such rule or group; `nclue-contract explain` lists the rules")
        found.append(beginning)
    return tuple(found)


def _headers(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not re.fullmatch(_NAME, name.strip()) or not re.fullmatch("[\t -~\xa0-\xff]*", value):
            # The value may be a secret, so it is not repeated.
            raise ValueError("--header is written NAME:VALUE, with a name that HTTP allows and a value in Latin-1")
        if name.strip().lower() in {*contract().headers, "host", "content-length", "content-type"}:
            raise ValueError(f"--header {name.strip()}: that header is set by the check itself")
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)


def _readable(path: str | None) -> str | None:
    if path is not None and not Path(path).is_file():
        raise ValueError(f"--cacert: there is no file {path}")
    return path


def _draws(options: argparse.Namespace) -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and not getattr(options, "quiet", False)


# -- what is shown ------------------------------------------------------------------------------------------------------------------------


def _dry_run(options: Options) -> Iterator[str]:
    from nclue_contract.check.run import budget, cases, permission  # noqa: PLC0415  # as above

    allowed, chosen = permission(options), cases(options)
    limit, planned = budget(options, chosen), 0
    for case in chosen:
        planned += case.requests if case.script and not case.background else 0
        if planned > limit and not case.background:
            continue
        if case.script is None:
            yield f"{case.rule}  {case.id}  (decided by others)"
        else:
            creations = f", {counted(case.posts, 'creation')}" if case.posts else ""
            yield f"{case.rule}  {case.id}  {counted(case.requests, 'request')}{creations}"
    if planned > limit:
        yield f"... and what a budget of {limit:,} leaves out"
    requests, posts = (sum(getattr(case, name) for case in chosen if case.script) for name in ("requests", "posts"))
    sent = min(requests, limit)
    creations = min(posts, sent) if allowed.creations is None else min(posts, sent, allowed.creations)
    rate = allowed.rate or options.rate
    yield ""
    yield f"{counted(len(chosen), 'case')}, at most {counted(sent, 'request')} of which {creations:,} may create a task; {allowed.mode}"
    minutes = counted(max(1, round(sent / rate / 60)), "minute") if rate else ""
    yield f"at {rate:g} request{'' if rate == 1 else 's'} per second: about {minutes}" if rate else "as fast as the server answers"
    yield "nothing was sent"


def _write(result: CheckResult, options: argparse.Namespace, reports: Sequence[tuple[str, Path]], started_ms: int) -> None:
    from nclue_contract.check.reports.formats import render  # noqa: PLC0415  # as above
    from nclue_contract.cli.validate import whole_file  # noqa: PLC0415

    def text_of(form: str, encoding: str, *, quiet: bool = False) -> str:
        return render(form, result, version=__version__, encoding=encoding, started_ms=started_ms, quiet=quiet)

    for form, path in reports:
        with whole_file(path) as file:
            file.write(text_of(form, "utf-8"))
    shown = text_of(options.format, sys.stdout.encoding or "ascii", quiet=options.quiet)
    sys.stdout.write(shown if shown.strip() else "")


def _seconds(text: str) -> float:
    return _number(text, 0.001, 86_400, "a number of seconds, from 0.001 to a day")


def _rate(text: str) -> float:
    return _number(text, 0.001, 10_000, "a number of requests per second, from 0.001 to 10,000")


def _number(text: str, least: float, most: float, what: str) -> float:
    with suppress(ValueError):
        if least <= float(text) <= most:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r:.40} is not {what}")


def _count(text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a number from 1 on")
    return int(text)
