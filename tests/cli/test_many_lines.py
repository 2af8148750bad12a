"""Thousands of generated lines through the command line: what it finds is what the generator put in."""

import json
import random
import re
import uuid

import pytest

from tests.support.forked_command import run_forked
from tests.support.server_process import environment

LINES = 10_000
REQUIRED = ("name", "train_feature_id", "train_bucket", "train_file_path")
ALL = (*REQUIRED, "test_feature_id", "test_bucket", "test_file_path")
PRINTABLE = "&$@=;:+,?*\\{}^%`[]<>~#|\"'"


class Generator:
    """Valid payloads, and slips that are put into them together with the findings that they must give, as (rule, pointer)."""

    def __init__(self, seed: int):
        self.draw = random.Random(seed)

    def payload(self, index):
        draw = self.draw
        values = {
            "name": f"task {index}",
            "train_feature_id": self.uuid(),
            "train_bucket": "answers",
            "train_file_path": f"a/b-{index}.tsv",
        }
        if draw.random() < 0.3:
            values |= {"test_feature_id": self.uuid(), "test_bucket": "answers.test-1", "test_file_path": f"a/(b)_{index}!.tsv"}
        return values

    def uuid(self):
        return str(uuid.UUID(int=self.draw.getrandbits(128), version=4))

    def line(self, index):
        """Return a line as bytes, and the findings expected for it."""
        values = self.payload(index)
        if self.draw.random() < 0.5:
            return json.dumps(values, ensure_ascii=False).encode(), set()
        found = set()
        for field in self.draw.sample(list(values), self.draw.randint(1, len(values))):
            found |= self.slip(values, field)
        if self.draw.random() < 0.2:
            name = self.draw.choice(["comment", "task_name", "a/b~c", "train_file_pth"])
            values[name] = self.draw.choice([1, None, [], {}, "x"])
            found.add(("NC104", "/" + name.replace("~", "~0").replace("/", "~1")))
        given = [name for name in ALL[4:] if values.get(name) is not None]
        if 0 < len(given) < 3:
            found |= {("NC105", f"/{name}") for name in ALL[4:] if name not in given}
        text = json.dumps(values, ensure_ascii=self.draw.random() < 0.5)
        return self.spoil(text, found)

    def slip(self, values, field):
        """Spoil one field; the findings that this alone must give."""
        pointer, kind = f"/{field}", field.split("_", 1)[-1]
        common = {
            "missing": lambda: values.pop(field) and ({("NC101", pointer)} if field in REQUIRED else set()),
            "type": lambda: self.put(values, field, self.draw.choice([1, 1.5, True, [], {}]), "NC102"),
            "null": lambda: self.put(values, field, None, "NC102" if field in REQUIRED else "NC103"),
            "surrogate": lambda: self.put(values, field, self.surrogate(values[field]), "NC007", *self.shape(kind)),
        }
        empty = {"name": "NC110", "feature_id": "NC106", "bucket": "NC106", "file_path": "NC121"}[kind]
        special = {
            "name": lambda: self.put(values, field, self.draw.choice(["x" * 100, "x" * 101, "한" * 500, "😀" * 60]), "NC111"),
            "feature_id": lambda: self.put(values, field, values[field][:-1], "NC131"),
            "bucket": lambda: self.put(values, field, self.draw.choice(["YOUR_BUCKET", "ab", "b" * 64, "-ab"]), "NC130"),
            "file_path": lambda: self.put(values, field, self.spoilt_path(values[field]), "NC120"),
        }[kind]
        slips = [*common.values(), lambda: self.put(values, field, "", empty), special, special, special]
        return self.draw.choice(slips)()

    def put(self, values, field, value, *rules):
        values[field] = value
        return {(rule, f"/{field}") for rule in rules}

    def shape(self, kind):
        """Return the rules that a lone surrogate breaks: it makes an ID too long, and is not a character of a bucket name."""
        return {"feature_id": ["NC131"], "bucket": ["NC130"]}.get(kind, [])

    def surrogate(self, value):
        return value + "\ud83d"

    def spoilt_path(self, path):
        odd = self.draw.choice([*PRINTABLE, "\n", "\x00", "\x1f", "\x7f", " ", "\x80", "é", "ÿ", "Ā", "데", "😀"])
        spot = self.draw.randint(0, len(path))
        return path[:spot] + odd + path[spot:]

    def spoil(self, text, found):  # noqa: PLR0911  # a table in words
        """Perhaps spoil the JSON itself, which hides nothing but what a parser cannot reach."""
        kind = self.draw.randint(0, 30) if text != "{}" else 30
        escaped = re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)
        line = escaped.encode()
        if kind == 0:
            return line[:-1], {("NC001", "")}
        if kind == 1:
            return line.replace(b"{", b'{"\xff": 1,', 1), {("NC002", "")}
        if kind == 2:
            return b"\xef\xbb\xbf" + line, found | {("NC003", "")}
        if kind == 3:
            return line[:-1] + b', "twice": 1, "twice": 2}', found | {("NC004", "/twice"), ("NC104", "/twice")}
        if kind == 4:
            return line[:-1] + b', "number": NaN}', found | {("NC005", "/number"), ("NC104", "/number")}
        if kind == 5:
            deep = b"[" * 70 + b"]" * 70
            return line[:-1] + b', "deep": ' + deep + b"}", found | {("NC006", "/deep" + "/0" * 63), ("NC104", "/deep")}
        if kind == 6:
            return b"[" + line + b"]", {("NC100", "")} | {(rule, "/0" + pointer) for rule, pointer in found if rule == "NC007"}
        return line, found


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Write the file; return it with the findings expected per line."""
    generator, expected, lines = Generator(2026), set(), []
    for number in range(1, LINES + 1):
        line, found = generator.line(number)
        lines.append(line)
        expected |= {(number, rule, pointer) for rule, pointer in found}
    # A byte order mark at the start of a file is skipped with a note, so the first line must not begin with one.
    path = tmp_path_factory.mktemp("lines") / "many.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path, expected


def test_what_is_found_in_many_lines_is_what_was_put_in(generated):
    """The set of (line, rule, pointer) of `--format jsonl` equals the generator's."""
    path, expected = generated
    run = run_forked(["validate", path, "--format", "jsonl"], environment())
    results = [json.loads(line) for line in run.out.splitlines()]
    assert [result["line"] for result in results] == list(range(1, LINES + 1))
    found = {(result["line"], finding["rule"], finding["pointer"]) for result in results for finding in result["findings"]}
    assert sorted(found - expected)[:5] == []
    assert sorted(expected - found)[:5] == []
    assert run.code == 1


def test_the_generated_lines_cover_every_rule_of_a_request(generated):
    """All rules that a JSON line can break; NC008 concerns Python values only."""
    rules = {rule for _, rule, _ in generated[1]}
    assert rules == {f"NC00{n}" for n in range(1, 8)} | {f"NC10{n}" for n in range(7)} | {
        "NC110",
        "NC111",
        "NC120",
        "NC121",
        "NC130",
        "NC131",
    }
