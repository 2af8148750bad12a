"""Pages in the structure of NCLUE's documentation, in our own words: five pages, in three languages, as HTML, Markdown or text.

A page is a list of blocks; tests change it, and render it. What the pages state is typed by hand.
"""

import html
import re
from dataclasses import dataclass, field

CHARACTERS = """&$@=;:+,?*\\{}^%`[]<>~#|"'"""
CURL = """\
curl --location --request {method} 'https://nclue.apigw.ntruss.com/api/v1/{path}' \\
--header 'X-NCP-APIGW-TIMESTAMP: {{Timestamp}}' \\
--header 'X-NCP-IAM-ACCESS-KEY: {{Access Key}}' \\
--header 'X-NCP-APIGW-SIGNATURE-V2: {{Signature}}'"""
TASK_ID = "f5aebc0c-****-****-****-b201bc64b1c9"
PAYLOAD = """\
{
    "name": "TASK_A",
    "train_feature_id": "0ccc59f9-****-****-****-7837ae76d046",
    "train_bucket": "BUCKET_A",
    "train_file_path": "folder/file"
}"""
CREATED = """\
{
    "task_id": "f5aebc0c-****-****-****-b201bc64b1c9",
    "task_name": "TASK_A",
    "created_at": "2025-02-01T09:30:00+09:00",
    "train_feature_id": "0ccc59f9-****-****-****-7837ae76d046",
    "train_feature_name": "FEATURE_A",
    "train_bucket": "BUCKET_A",
    "train_file_path": "folder/file",
    "test_feature_id": null,
    "test_feature_name": null,
    "test_bucket": null,
    "test_file_path": null
}"""
STATUS_AND_END = """\
    "status": "completed",
    "completed_at": "2025-02-01T10:30:00+09:00",
"""
TASK = CREATED.replace('    "created_at"', STATUS_AND_END + '    "created_at"').replace(
    '"test_file_path": null',
    '"test_file_path": null,\n    "AUROC": "0.91",\n    "line_count": 1000,\n    "disk_usage": 2048,\n    "fail_message": null',
)
ITEM = CREATED.replace('    "created_at"', STATUS_AND_END + '    "created_at"').replace("\n", "\n        ")
LISTED = '{\n    "index": 0,\n    "limit": 20,\n    "total": 1,\n    "tasks": [\n        ' + ITEM + "\n    ]\n}"

WORDS = {
    "en": {
        "titles": {"create": "Create task", "get": "Get task", "list": "Get task list", "delete": "Delete task", "overview": "Overview"},
        "intro": "This page of NCLUE is about one request.",
        "address": ["Method", "URI"],
        "steps": ["Order", "Creation status", "Description"],
        "step": "Step {}",
        "fields": ["Field", "Type", "Required", "Description"],
        "headers": ["Header", "Required", "Description"],
        "codes": ["HTTP status code", "Code", "Message", "Description"],
        "deletion": ["Deletion", "Task status", "Dependent jobs"],
        "deletable": ["Possible", "Not possible"],
        "yes": "Required",
        "no": "Optional",
        "request headers": "Request headers",
        "path": "Request path parameters",
        "query": "Request query parameters",
        "body": "Request body",
        "request": "Request example",
        "response": "Response body",
        "codes title": "Response status codes",
        "response example": "Response example",
        "name limit": "1-100 characters",
        "path rule": "A path must not contain any of these",
        "codes rule": "ASCII codes 0 to 31 and 128 to 255",
        "about": "What it is about",
        "time": "Point in time (ISO 8601)",
        "range": "1 to 100 (default: 20)",
        "start": "Where the list begins (default: 0)",
        "auroc": "Area under the curve, 0-1",
        "skew": "Refused when it differs by more than 5 minutes",
        "too long": "The name must have less than 100 characters",
        "no task run": "No job runs",
    },
    "ko": {
        "titles": {"create": "Task 생성", "get": "Task 조회", "list": "Task 목록 조회", "delete": "Task 삭제", "overview": "개요"},
        "intro": "NCLUE 요청 하나에 관한 문서입니다.",
        "address": ["메서드", "URI"],
        "steps": ["순서", "생성 상태", "설명"],
        "step": "{}단계",
        "fields": ["필드", "타입", "필수 여부", "설명"],
        "headers": ["헤더", "필수 여부", "설명"],
        "codes": ["HTTP 상태 코드", "코드", "메시지", "설명"],
        "deletion": ["삭제 가능 여부", "Task 상태", "하위 작업"],
        "deletable": ["가능", "불가"],
        "yes": "필수",
        "no": "선택",
        "request headers": "요청 헤더",
        "path": "요청 경로 파라미터",
        "query": "요청 쿼리 파라미터",
        "body": "요청 바디",
        "request": "요청 예시",
        "response": "응답 바디",
        "codes title": "응답 상태 코드",
        "response example": "응답 예시",
        "name limit": "1~100자",
        "path rule": "다음 문자는 경로에 쓸 수 없음",
        "codes rule": "아스키 코드 0~31, 128~255",
        "about": "무엇에 관한 값인지",
        "time": "시점(ISO 8601 형식)",
        "range": "1~100 (기본값: 20)",
        "start": "목록의 시작 위치 (기본값: 0)",
        "auroc": "곡선 아래 면적, 0~1",
        "skew": "5분을 초과하여 차이가 나면 거부",
        "too long": "이름은 100자 미만이어야 함",
        "no task run": "실행 중인 작업 없음",
    },
    "ja": {
        "titles": {"create": "タスク作成", "get": "タスク照会", "list": "タスクリスト照会", "delete": "タスク削除", "overview": "概要"},
        "intro": "NCLUEのリクエスト一つについてのページです。",
        "address": ["メソッド", "URI"],
        "steps": ["順序", "作成ステータス", "説明"],
        "step": "ステップ{}",
        "fields": ["フィールド", "タイプ", "必須の有無", "説明"],
        "headers": ["ヘッダー", "必須の有無", "説明"],
        "codes": ["HTTPステータスコード", "コード", "メッセージ", "説明"],
        "deletion": ["削除可否", "タスクのステータス", "下位作業"],
        "deletable": ["可能", "不可"],
        "yes": "必須",
        "no": "任意",
        "request headers": "リクエストヘッダー",
        "path": "リクエストパスパラメータ",
        "query": "リクエストクエリパラメータ",
        "body": "リクエストボディ",
        "request": "リクエスト例",
        "response": "レスポンスボディ",
        "codes title": "レスポンスステータスコード",
        "response example": "レスポンス例",
        "name limit": "1～100文字",
        "path rule": "パスに使えない文字",
        "codes rule": "アスキーコード 0〜31、128〜255",
        "about": "何についての値か",
        "time": "時点（ISO 8601形式）",
        "range": "1〜100（デフォルト: 20）",
        "start": "リストの開始位置（デフォルト: 0）",
        "auroc": "曲線下面積、0〜1",
        "skew": "5分を超える差がある場合は拒否",
        "too long": "名前は100文字未満",
        "no task run": "実行中のジョブなし",
    },
}
KINDS = ("create", "get", "list", "delete", "overview")
LANGUAGES = tuple(WORDS)
FORMATS = ("html", "markdown", "text")

STATUSES = ["registered", "pending", "in_progress", "completed", "failed"]
ERRORS = [
    ("401", "10100", "ACCESS_DENIED"),
    ("422", "10101", "NAME_TOO_LONG"),
    ("409", "10102", "DUPLICATE_NAME"),
    ("422", "10103", "INVALID_PATH_CHARACTER"),
    ("422", "10104", "INVALID_CHARACTER_IN_TRAIN_PATH"),
    ("422", "10105", "INVALID_CHARACTER_IN_TEST_PATH"),
    ("404", "10106", "PATH_NOT_FOUND"),
    ("404", "10107", "TRAIN_PATH_NOT_FOUND"),
    ("404", "10108", "TEST_PATH_NOT_FOUND"),
    ("422", "10109", "PERSONAL_DATA_NOT_ALLOWED"),
]
TASK_FIELDS = [
    *("task_id", "task_name", "status", "created_at", "completed_at"),
    *("train_feature_id", "train_feature_name", "train_bucket", "train_file_path"),
    *("test_feature_id", "test_feature_name", "test_bucket", "test_file_path"),
]


@dataclass
class Table:
    """A table. A cell is a text, or a list: the text, and items as pairs of a level and a text."""

    name: str
    header: list
    rows: list = field(default_factory=list)

    def row(self, first):
        """Return the row whose first or second cell is this."""
        return next(row for row in self.rows if first in row[:2])


@dataclass
class Code:
    name: str
    label: str
    text: str


@dataclass
class Page:
    """A page as blocks: pairs of a level and a heading, texts, tables and code."""

    kind: str
    language: str
    blocks: list

    def table(self, name):
        return next(block for block in self.blocks if isinstance(block, Table) and block.name == name)

    def code(self, name):
        return next(block for block in self.blocks if isinstance(block, Code) and block.name == name)

    def render(self, form):
        """Return the page as a text in a format."""
        return {"html": _html, "markdown": _markdown, "text": _text}[form](self)


def page(kind, language="en"):
    """Return a new page that states what the contract does under the default readings."""
    words = WORDS[language]
    blocks = [(1, words["titles"][kind]), words["intro"], *_BUILDERS[kind](words)]
    return Page(kind, language, blocks)


def _address(words, method, uri):
    return Table("address", words["address"], [[method, uri]])


def _field(words, name, required="-", kind="String", description=None, items=()):
    text = words["about"] if description is None else description
    return [name, kind, {True: words["yes"], False: words["no"]}.get(required, required), [text, *items]]


def _task_field(words, name):
    if name == "status":
        return _field(words, name, items=[(1, f"{word}: {words['about']}") for word in STATUSES])
    return _field(words, name, description=words["time"] if name.endswith("_at") else None)


def _create(words):
    rule = [(1, words["path rule"]), (2, CHARACTERS), (2, words["codes rule"])]
    request = [_field(words, "name", True, items=[(1, words["name limit"])])]
    for part, required in (("train", True), ("test", False)):
        request += [_field(words, f"{part}_feature_id", required), _field(words, f"{part}_bucket", required)]
        request.append(_field(words, f"{part}_file_path", required, items=rule))
    about = words["about"]
    steps = [[words["step"].format(number), f"{word}: {about}", [about]] for number, word in enumerate(STATUSES[:3], 1)]
    steps.append([words["step"].format(4), ["", (1, f"complete: {about}"), (1, f"failed: {about}")], [about, (1, about)]])
    response = [name for name in TASK_FIELDS if name not in {"status", "completed_at"}]
    return [
        Table("statuses", words["steps"], steps),
        _address(words, "POST", "tasks"),
        (3, words["body"]),
        Table("request-body", words["fields"], request),
        (3, words["request"]),
        Code("request-example", "Shell", CURL.format(method="POST", path="tasks") + f" \\\n--data '{PAYLOAD}'"),
        (3, words["response"]),
        Table("response-body", words["fields"], [_task_field(words, name) for name in response]),
        (3, words["response example"]),
        Code("response-example", "JSON", CREATED),
    ]


def _path_parameter(words):
    return [(3, words["path"]), Table("path-parameters", words["fields"], [_field(words, "task_id", True)])]


def _get(words):
    fields = [_task_field(words, name) for name in TASK_FIELDS]
    fields += [_field(words, "AUROC", description=words["auroc"])]
    fields += [_field(words, name, kind="Integer") for name in ("line_count", "disk_usage")]
    return [
        _address(words, "GET", "tasks/{task_id}"),
        *_path_parameter(words),
        (3, words["request"]),
        Code("request-example", "Shell", CURL.format(method="GET", path=f"tasks/{TASK_ID}")),
        (3, words["response"]),
        Table("response-body", words["fields"], [*fields, _field(words, "fail_message")]),
        (3, words["response example"]),
        Code("response-example", "JSON", TASK),
    ]


def _list(words):
    query = [
        _field(words, "index", False, "Integer", words["start"]),
        _field(words, "limit", False, "Integer", items=[(1, words["range"])]),
    ]
    fields = [_field(words, name, kind="Integer") for name in ("index", "limit", "total")] + [_field(words, "tasks", kind="Array")]
    items = [_task_field(words, name) for name in TASK_FIELDS]
    return [
        _address(words, "GET", "tasks"),
        (3, words["query"]),
        Table("query-parameters", words["fields"], query),
        (3, words["request"]),
        Code("request-example", "Shell", CURL.format(method="GET", path="tasks?index=0&limit=20")),
        (3, words["response"]),
        Table("response-body", words["fields"], fields + [[f"tasks.{name}", *rest] for name, *rest in items]),
        (3, words["response example"]),
        Code("response-example", "JSON", LISTED),
    ]


def _delete(words):
    rows = [
        [words["deletable"][0], "registered, completed, failed", [words["no task run"]]],
        [words["deletable"][1], "pending, in_progress", [words["about"]]],
    ]
    return [
        Table("deletion", words["deletion"], rows),
        _address(words, "DELETE", "tasks/{task_id}"),
        *_path_parameter(words),
        (3, words["request"]),
        Code("request-example", "Shell", CURL.format(method="DELETE", path=f"tasks/{TASK_ID}")),
        (3, words["response"]),
        Table("response-body", words["fields"], [_field(words, "task_id")]),
        (3, words["response example"]),
        Code("response-example", "JSON", f'{{\n    "task_id": "{TASK_ID}"\n}}'),
    ]


def _overview(words):
    names = ("x-ncp-apigw-timestamp", "x-ncp-iam-access-key", "x-ncp-apigw-signature-v2")
    headers = [[name, words["yes"], [words["skew"] if name.endswith("timestamp") else words["about"]]] for name in names]
    errors = [[status, code, message, [words["about"]]] for status, code, message in ERRORS]
    errors[1][3] = [words["too long"]]
    return [
        (3, "API URL"),
        "https://nclue.apigw.ntruss.com/api/v1",
        (3, words["request headers"]),
        Table("request-headers", words["headers"], headers),
        (3, words["codes title"]),
        Table("codes", words["codes"], [["200", "-", "success", [words["about"]]], *errors]),
    ]


_BUILDERS = {"create": _create, "get": _get, "list": _list, "delete": _delete, "overview": _overview}


# -- rendering ---------------------------------------------------------------------------------------------------------------------------


def _parts(cell):
    return (cell, []) if isinstance(cell, str) else (cell[0], cell[1:])


def _items_as_html(items, escape, level=1):
    """Return nested lists of items, each in its own."""
    found = ""
    for at, (depth, text) in enumerate(items):
        if depth == level:
            below = []
            for item in items[at + 1 :]:
                if item[0] <= level:
                    break
                below.append(item)
            found += f"<li>{escape(text)}{_items_as_html(below, escape, level + 1)}</li>"
    return f"<ul>{found}</ul>" if found else ""


def _cell_as_html(cell, escape):
    text, items = _parts(cell)
    return escape(text) + _items_as_html(items, escape)


def _html(page):
    menu = "".join(f"<li><a href='#'>{title}</a></li>" for title in WORDS[page.language]["titles"].values())
    title = WORDS[page.language]["titles"][page.kind]
    lines = [f"<!DOCTYPE html>\n<html lang='{page.language}'>\n<head><meta charset='utf-8'><title>{title} | Docs</title>"]
    lines += ["<script>var menu = '<h1>Delete task</h1>';</script></head>", f"<body><nav><ul>{menu}</ul></nav><main>"]
    for block in page.blocks:
        if isinstance(block, Table):
            lines.append(
                "<div><table><thead><tr>" + "".join(f"<th>{html.escape(text)}</th>" for text in block.header) + "</tr></thead><tbody>"
            )
            lines += ["<tr>" + "".join(f"<td>{_cell_as_html(cell, html.escape)}</td>" for cell in row) + "</tr>" for row in block.rows]
            lines.append("</tbody></table></div>")
        elif isinstance(block, Code):
            lines.append(f"<pre><code class='language-x'>{html.escape(block.text)}</code></pre>")
        elif isinstance(block, tuple):
            lines.append(f"<h{block[0]}><a></a>{html.escape(block[1])}</h{block[0]}>")
        else:
            lines.append(f"<p>{html.escape(block)}</p>")
    return "\n".join([*lines, "</main></body></html>", ""])


def _escaped_for_markdown(text):
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def _markdown(page):
    lines = ["---", f'title: "{WORDS[page.language]["titles"][page.kind]}"', "stale: true", "---", ""]
    for block in page.blocks:
        if isinstance(block, Table):
            rows = [block.header, ["---"] * len(block.header)]
            rows += [[_cell_as_html(cell, _escaped_for_markdown) for cell in row] for row in block.rows]
            lines += ["| " + " | ".join(row) + " |" for row in rows]
        elif isinstance(block, Code):
            lines += [f"```{block.label.lower()}", block.text, "```"]
        elif isinstance(block, tuple):
            lines.append(f"{'#' * block[0]} {block[1]}")
        else:
            lines.append(block)
        lines.append("")
    return "\n".join(lines)


def _text(page):
    lines = ["MENU", *WORDS[page.language]["titles"].values(), "• PDF", ""]
    for block in page.blocks:
        if isinstance(block, Table):
            lines.append("".join(block.header))
            for row in block.rows:
                lines += _lines_of_row(row)
        elif isinstance(block, Code):
            lines += [*block.text.split("\n"), block.label]
        else:
            lines.append(block[1] if isinstance(block, tuple) else block)
        lines.append("")
    return "\n".join(f"    {line}".rstrip() for line in lines)


def _lines_of_row(row):
    """Return the lines of a row: the texts of its cells one behind the other, up to the first that has items."""
    lines = [""]
    for cell in row:
        text, items = _parts(cell)
        lines[-1] += text
        if items:
            lines += [f"{'  ' * (level - 1)}• {item}" for level, item in items]
            lines.append("")
    return [line for line in lines if line]
