"""Faults in the echo that libraries bring along: paths, URLs, Unicode, templates, CSV and databases change strings by themselves.

The argument of most faults is a field of the response, so that train and test data are apart.
"""

from __future__ import annotations

import ast
import html
import json
import posixpath
import re
import string
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from urllib.parse import quote, unquote, unquote_plus

from nclue_contract.service.faults.injection import Fault, Injection, Value, changing
from nclue_contract.service.service import Service

PATHS = ("train_file_path", "test_file_path")
TEXTS = ("task_name", "train_feature_id", "train_bucket", "test_feature_id", "test_bucket")
FIELDS = (*TEXTS, *PATHS)

_SMART = str.maketrans({"'": "\u2019", '"': "\u201d"})
_FORMULA = ("=", "+", "-", "@")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_MISSING = ("null", "None", "NaN", "NA", "nan", "")

Change = Callable[[str], object]


def _changed(change: Change, value: object) -> object:
    """Return a changed string; what a library cannot convert stays as it is."""
    if isinstance(value, str):
        with suppress(ValueError, SyntaxError, KeyError, IndexError):
            return change(value)
    return value


def _change(change: Change, method: str = "serializer.created") -> Injection:
    """Return an injection that changes a field of a task in every response; the argument names it."""

    def inject(service: Service, name: str) -> None:
        changing(method, lambda value: value | {name: _changed(change, value[name])})(service, "")

    return inject


def _change_all(change: Change) -> Callable[[Value], Value]:
    return lambda value: value | {name: _changed(change, value[name]) for name in FIELDS}


def _cut(service: Service, argument: str) -> None:
    """Cut a field at a length; the argument is the length, a dash, and the field."""
    length, _, name = argument.partition("-")
    limit = int(length)
    if name not in FIELDS:
        raise ValueError(name)
    _change(lambda text: text[:limit])(service, name)


_CHANGES: dict[str, Change] = {
    "nfc": lambda text: unicodedata.normalize("NFC", text),
    "nfd": lambda text: unicodedata.normalize("NFD", text),
    "nfkc": lambda text: unicodedata.normalize("NFKC", text),
    "invisible-removed": lambda text: _INVISIBLE.sub("", text),
    "white-space-collapsed": lambda text: re.sub(" +", " ", text),
    "trimmed": str.strip,
    "word-null": lambda text: None if text in _MISSING else text,
    "dashes-joined": lambda text: text.replace("--", "\u2013"),
}
"""Changes that a server may also make in one operation only."""


def _in_operation(method: str) -> Injection:
    """Return an injection that makes a change in all fields of one operation's responses; the argument names the change."""

    def inject(service: Service, name: str) -> None:
        changing(method, _change_all(_CHANGES[name]))(service, "")

    return inject


def _list_only(service: Service, name: str) -> None:
    """Make a change in all fields of the tasks of a list."""
    change = _change_all(_CHANGES[name])
    changing("list", lambda value: value | {"tasks": [change(task) for task in value["tasks"]]})(service, "")


def _swap(part: str) -> Callable[[Value], Value]:
    """Return a function that swaps the train and the test value of a field, if there is test data."""
    train, test = f"train_{part}", f"test_{part}"
    return lambda value: value if value[test] is None else value | {train: value[test], test: value[train]}


def _swap_in(service: Service, argument: str) -> None:
    """Swap train and test data in the responses of one operation; the argument is the operation, a dash, and the part."""
    operation, _, part = argument.partition("-")
    swap = _swap(part)
    if operation == "list":
        changing("list", lambda value: value | {"tasks": [swap(task) for task in value["tasks"]]})(service, "")
    else:
        changing({"create": "create", "get": "serializer.details"}[operation], swap)(service, "")


_DIGITS = re.compile(r"[0-9]+")
_PARTS = ("feature_id", "bucket", "file_path")

FAULTS: tuple[Fault, ...] = (
    # paths
    Fault(
        "echo-slashes-collapsed", "Several slashes in a row are returned as one.", "NC307", _change(lambda t: re.sub("/+", "/", t)), PATHS
    ),
    Fault(
        "echo-path-normalised", "A path is returned as a normal path, without dot segments.", "NC307", _change(posixpath.normpath), PATHS
    ),
    Fault("echo-dot-removed", "A path is returned without ./ at its start.", "NC307", _change(lambda t: t.removeprefix("./")), PATHS),
    Fault(
        "echo-parents-resolved", "A folder with .. after it is removed.", "NC307", _change(lambda t: re.sub(r"[^/]+/\.\./", "", t)), PATHS
    ),
    Fault("echo-end-slash-dropped", "A slash at the end of a path is dropped.", "NC307", _change(lambda t: t.rstrip("/")), PATHS),
    # URLs
    Fault("echo-url-decoded", "A value is returned percent-decoded.", "NC307", _change(unquote), TEXTS),
    Fault("echo-plus-as-space", "A value is decoded as that of a form.", "NC307", _change(unquote_plus), TEXTS),
    Fault("echo-url-quoted", "A value is returned percent-encoded as a path of a URL is.", "NC307", _change(quote), FIELDS),
    # Unicode
    Fault("echo-composed", "A value is returned in Unicode's composed form.", "NC307", _change(_CHANGES["nfc"]), FIELDS),
    Fault("echo-decomposed", "A value is returned in Unicode's decomposed form.", "NC307", _change(_CHANGES["nfd"]), FIELDS),
    Fault("echo-compatible", "A value is returned in Unicode's compatibility form.", "NC307", _change(_CHANGES["nfkc"]), FIELDS),
    Fault("echo-case-folded", "A value is returned with its letter case folded.", "NC307", _change(str.casefold), FIELDS),
    Fault("echo-upper-case", "A value is returned in upper case.", "NC307", _change(str.upper), FIELDS),
    Fault("echo-smart-quotes", "Straight quotes are returned as typographic ones.", "NC307", _change(lambda t: t.translate(_SMART)), TEXTS),
    Fault("echo-dashes", "Two hyphens are returned as a dash.", "NC307", _change(_CHANGES["dashes-joined"]), FIELDS),
    Fault("echo-ellipsis", "Three dots are returned as one character.", "NC307", _change(lambda t: t.replace("...", "\u2026")), FIELDS),
    Fault("echo-invisible-removed", "Invisible characters are removed.", "NC307", _change(_CHANGES["invisible-removed"]), FIELDS),
    Fault(
        "echo-ascii-only", "Characters beyond ASCII are removed.", "NC307", _change(lambda t: t.encode("ascii", "ignore").decode()), FIELDS
    ),
    Fault(
        "echo-three-bytes",
        "Characters of four bytes in UTF-8 are removed.",
        "NC307",
        _change(lambda text: "".join(c for c in text if c <= "\uffff")),
        FIELDS,
    ),
    # markup, templates, escape sequences
    Fault("echo-html-escaped", "A value is returned escaped for HTML.", "NC307", _change(html.escape), TEXTS),
    Fault("echo-html-unescaped", "Entities of HTML are returned as their characters.", "NC307", _change(html.unescape), TEXTS),
    Fault("echo-tags-removed", "Tags of HTML are removed.", "NC307", _change(lambda t: re.sub("<[^>]*>", "", t)), TEXTS),
    Fault("echo-percent-formatted", "Two percent signs are returned as one.", "NC307", _change(lambda t: t.replace("%%", "%")), TEXTS),
    Fault(
        "echo-braces-formatted",
        "Two braces are returned as one.",
        "NC307",
        _change(lambda t: t.replace("{{", "{").replace("}}", "}")),
        TEXTS,
    ),
    Fault("echo-template", "Expressions in double braces are evaluated.", "NC307", _change(lambda t: re.sub(r"\{\{.*?\}\}", "", t)), TEXTS),
    Fault("echo-dollar", "Two dollar signs are returned as one.", "NC307", _change(lambda t: string.Template(t).safe_substitute()), TEXTS),
    Fault("echo-variables", "Variables of the environment are expanded.", "NC307", _change(lambda t: t.replace("$HOME", "/root")), TEXTS),
    Fault(
        "echo-escapes-read", "Escape sequences are returned as their characters.", "NC307", _change(lambda t: t.replace("\\n", "\n")), TEXTS
    ),
    Fault("echo-backslashes-stripped", "Backslashes are removed.", "NC307", _change(lambda t: re.sub(r"\\(.)", r"\1", t)), TEXTS),
    Fault("echo-quotes-doubled", "Apostrophes are doubled, as in SQL.", "NC307", _change(lambda t: t.replace("'", "''")), TEXTS),
    Fault("echo-quotes-halved", "Two apostrophes are returned as one.", "NC307", _change(lambda t: t.replace("''", "'")), TEXTS),
    Fault("echo-quotes-escaped", "Quotes get a backslash.", "NC307", _change(lambda t: re.sub("(['\"])", r"\\\1", t)), TEXTS),
    # tables
    Fault(
        "echo-formula-guarded",
        "A value like a formula gets an apostrophe.",
        "NC307",
        _change(lambda t: f"'{t}" if t.startswith(_FORMULA) else t),
        FIELDS,
    ),
    Fault("echo-apostrophe-dropped", "An apostrophe at the start is dropped.", "NC307", _change(lambda t: t.removeprefix("'")), TEXTS),
    Fault("echo-equals-dropped", "An equals sign at the start is dropped.", "NC307", _change(lambda t: t.removeprefix("=")), TEXTS),
    Fault("echo-start-trimmed", "White space before a value is removed.", "NC307", _change(str.lstrip), FIELDS),
    Fault("echo-end-trimmed", "White space after a value is removed.", "NC307", _change(str.rstrip), FIELDS),
    Fault(
        "echo-spaces-collapsed", "Several spaces in a row are returned as one.", "NC307", _change(_CHANGES["white-space-collapsed"]), FIELDS
    ),
    Fault("echo-line-ends", "Line ends of two characters are returned as one.", "NC307", _change(lambda t: t.replace("\r\n", "\n")), TEXTS),
    Fault("echo-tabs-expanded", "Tabs are returned as spaces.", "NC307", _change(str.expandtabs), TEXTS),
    Fault("echo-controls-removed", "Control characters are removed.", "NC307", _change(lambda t: re.sub("[\0-\x1f]", "", t)), TEXTS),
    # databases
    Fault(
        "echo-shortened",
        "A value is returned cut at the length of a column.",
        "NC307",
        _cut,
        (
            *(f"50-{name}" for name in FIELDS),
            *(f"{length}-{name}" for length in (64, 128, 191, 255) for name in FIELDS if name != "task_name"),
            *(f"1024-{name}" for name in PATHS),
        ),
    ),
    Fault(
        "echo-empty-as-null",
        "An empty string is returned as null.",
        "NC305",
        _change(lambda t: t or None),
        ("train_feature_id", "train_bucket", "train_file_path"),
    ),
    Fault(
        "echo-integer",
        "A value of digits is returned as a whole number is written.",
        "NC307",
        _change(lambda t: str(int(t)) if _DIGITS.fullmatch(t) else t),
        FIELDS,
    ),
    Fault(
        "echo-fraction",
        "A value like a number is returned as a floating-point number is written.",
        "NC307",
        _change(lambda t: str(float(t))),
        FIELDS,
    ),
    Fault("echo-json-read", "A value that is JSON is returned as what it stands for.", "NC305", _change(json.loads), FIELDS),
    Fault("echo-word-null", "Words for missing values are returned as null.", "NC305", _change(_CHANGES["word-null"]), FIELDS),
    Fault(
        "echo-literal-read",
        "A value that is a literal of Python is returned as what it stands for.",
        "NC305",
        _change(lambda t: str(ast.literal_eval(t))),
        FIELDS,
    ),
    Fault(
        "echo-true",
        "The word true is returned in another spelling.",
        "NC307",
        _change(lambda t: {"true": "True", "false": "False"}.get(t, t)),
        FIELDS,
    ),
    Fault("echo-date", "A date is returned with a time.", "NC307", _change(lambda t: datetime.strptime(t, "%Y-%m-%d").isoformat()), FIELDS),  # noqa: DTZ007  # the fault
    # one operation only
    Fault(
        "get-tidied",
        "getTask changes values that createTask returns as they are.",
        "NC307",
        _in_operation("serializer.details"),
        tuple(_CHANGES),
    ),
    Fault("list-tidied", "listTasks changes values that createTask returns as they are.", "NC403", _list_only, tuple(_CHANGES)),
    Fault(
        "train-and-test-swapped",
        "One operation returns train data as test data, and the reverse.",
        "NC307",
        _swap_in,
        tuple(f"{operation}-{part}" for operation in ("create", "get", "list") for part in _PARTS),
    ),
    Fault(
        "test-as-train",
        "A train value is returned for the test data as well.",
        "NC307",
        lambda service, part: changing(
            "serializer.created", lambda value: value | {f"test_{part}": value[f"test_{part}"] and value[f"train_{part}"]}
        )(service, ""),
        _PARTS,
    ),
    Fault(
        "feature-names-of-test",
        "The train feature has the name of the test feature.",
        "NC307",
        changing(
            "serializer.created", lambda value: value | {"train_feature_name": value["test_feature_name"] or value["train_feature_name"]}
        ),
    ),
)
