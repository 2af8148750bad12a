"""Witnesses of the faults that libraries bring along: what is sent in a field, and how it is returned."""

from tests.service.faults.exchange import get, post, witness


def _echo(clean, faulty):
    """Return a function of the field."""
    return lambda field: witness(f"/{field}", clean, faulty, post(**{"name" if field == "task_name" else field: clean}))


def _shortened(argument):
    length, _, field = argument.partition("-")
    clean = "x" * (99 if field == "task_name" else 1100)
    return _echo(clean, "x" * int(length))(field)


_IN_ONE_OPERATION = {
    "nfc": ("e\u0301", "\u00e9"),
    "nfd": ("\uac00", "\u1100\u1161"),
    "nfkc": ("\uff21", "A"),
    "invisible-removed": ("a\u200bb", "ab"),
    "white-space-collapsed": ("a  b", "a b"),
    "trimmed": (" a ", "a"),
    "word-null": ("null", None),
    "dashes-joined": ("a--b", "a\u2013b"),
}


def _in_operation(start, path):
    def of(change):
        clean, faulty = _IN_ONE_OPERATION[change]
        return witness(f"{start}/test_bucket", clean, faulty, post(test_bucket=clean), get(path))

    return of


def _swapped(argument):
    operation, _, part = argument.partition("-")
    steps = {"create": (), "get": (get(),), "list": (get("?limit=1"),)}[operation]
    start = "/tasks/0" if operation == "list" else ""
    return witness(f"{start}/test_{part}", "of test", "of train", post(**{f"train_{part}": "of train", f"test_{part}": "of test"}), *steps)


WITNESSES = {
    "echo-slashes-collapsed": _echo("a//b///c", "a/b/c"),
    "echo-path-normalised": _echo("./a//b/../c/", "a/c"),
    "echo-dot-removed": _echo("./a/./b", "a/./b"),
    "echo-parents-resolved": _echo("a/b/../c", "a/c"),
    "echo-end-slash-dropped": _echo("a/b/", "a/b"),
    "echo-url-decoded": _echo("%41+b", "A+b"),
    "echo-plus-as-space": _echo("%41+b", "A b"),
    "echo-url-quoted": _echo("a/(b)", "a/%28b%29"),
    "echo-composed": _echo("e\u0301", "\u00e9"),
    "echo-decomposed": _echo("\uac00", "\u1100\u1161"),
    "echo-compatible": _echo("\uff21\ufb01", "Afi"),
    "echo-case-folded": _echo("A\u1e9eb", "assb"),
    "echo-upper-case": _echo("a/b", "A/B"),
    "echo-smart-quotes": _echo('it\'s "x"', "it\u2019s \u201dx\u201d"),
    "echo-dashes": _echo("a--b", "a\u2013b"),
    "echo-ellipsis": _echo("a...b", "a\u2026b"),
    "echo-invisible-removed": _echo("a\u200bb\ufeff", "ab"),
    "echo-ascii-only": _echo("a\uac00b", "ab"),
    "echo-three-bytes": _echo("a\U0001f600\uac00", "a\uac00"),
    "echo-html-escaped": _echo("<i> & \"'", "&lt;i&gt; &amp; &quot;&#x27;"),
    "echo-html-unescaped": _echo("&lt;&amp;", "<&"),
    "echo-tags-removed": _echo("a<b>c</b>", "ac"),
    "echo-percent-formatted": _echo("100 %%", "100 %"),
    "echo-braces-formatted": _echo("a{{b}}", "a{b}"),
    "echo-template": _echo("a{{b}}c", "ac"),
    "echo-dollar": _echo("a$$b$x", "a$b$x"),
    "echo-variables": _echo("$HOME/x", "/root/x"),
    "echo-escapes-read": _echo(r"a\nb", "a\nb"),
    "echo-backslashes-stripped": _echo(r"a\b\\c", "ab\\c"),
    "echo-quotes-doubled": _echo("it's", "it''s"),
    "echo-quotes-halved": _echo("it''s", "it's"),
    "echo-quotes-escaped": _echo('it\'s "x"', r"it\'s \"x\""),
    "echo-formula-guarded": _echo("-1", "'-1"),
    "echo-apostrophe-dropped": _echo("'1", "1"),
    "echo-equals-dropped": _echo("=1", "1"),
    "echo-start-trimmed": _echo(" a ", "a "),
    "echo-end-trimmed": _echo(" a ", " a"),
    "echo-spaces-collapsed": _echo("a   b", "a b"),
    "echo-line-ends": _echo("a\r\nb", "a\nb"),
    "echo-tabs-expanded": _echo("a\tb", "a       b"),
    "echo-controls-removed": _echo("a\tb\n", "ab"),
    "echo-shortened": _shortened,
    "echo-empty-as-null": _echo("", None),
    "echo-integer": _echo("007", "7"),
    "echo-fraction": _echo("1e3", "1000.0"),
    "echo-json-read": _echo("true", True),
    "echo-word-null": _echo("None", None),
    "echo-literal-read": _echo("1e3", "1000.0"),
    "echo-true": _echo("true", "True"),
    "echo-date": _echo("2024-11-26", "2024-11-26T00:00:00"),
    "get-tidied": _in_operation("", "/{1}"),
    "list-tidied": _in_operation("/tasks/0", "?limit=1"),
    "train-and-test-swapped": _swapped,
    "test-as-train": lambda part: witness(
        f"/test_{part}", "of test", "of train", post(**{f"train_{part}": "of train", f"test_{part}": "of test"})
    ),
    "feature-names-of-test": witness("/train_feature_name", "feature-0ccc59f9", "feature-1ccc59f9"),
}
