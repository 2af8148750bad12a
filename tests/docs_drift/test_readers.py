"""Reading of saved pages: what browsers save, broken and hostile input, encodings, and the choice of the format."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nclue_contract.contract.readings import Readings
from nclue_contract.docs_drift.compare import compare_page
from nclue_contract.docs_drift.page import Code, Heading, NotUnderstoodError, Paragraph, Table
from nclue_contract.docs_drift.readers.files import read_page
from nclue_contract.docs_drift.readers.html import read_html
from nclue_contract.docs_drift.readers.markdown import read_markdown
from nclue_contract.docs_drift.readers.text import read_text
from tests.support.documentation_pages import FORMATS, page

DEFAULTS = Readings.choose()


def cells(table):
    return [[cell.text for cell in row.cells] for row in table.rows]


# -- HTML ------------------------------------------------------------------------------------------------------------------------------


def test_end_tags_may_be_missing():
    (table,) = read_html("<table><tr><th>A<th>B<tr><td>1<td>2<tr><td><p>3<p>4<td>5").of(Table)
    assert (table.header, cells(table)) == (("A", "B"), [["1", "2"], ["3 4", "5"]])


@pytest.mark.parametrize("section", ["<![foo[ x", "<![ x", "<![CDATA[ x", "<![foo[ x ]]>", "<!["])
def test_a_marked_section_is_skipped(section):
    document = read_html(f"<h1>A</h1>{section}<p>b</p>")
    assert [block.text for block in document.of(Heading)] == ["A"]


def test_an_attribute_that_looks_like_a_line_number_is_none():
    markdown = '# A\n\n<p data-line-of-file="x">b</p>\n\n<p data-line-of-file="\u0663">c</p>\n'
    assert [block.text for block in read_page(markdown.encode(), "a.md").of(Heading)] == ["A"]


@pytest.mark.parametrize("number", [1, 30, 20_000])
def test_any_number_of_comments_may_stand_before_a_document(number):
    before = "<?xml version='1.0'?>\n" + "<!-- <html> -->\n" * number
    assert read_page(f"{before}<html><h1>A</h1></html>".encode(), "a.txt").of(Heading)
    assert not read_page(f"{before}x".encode(), "a.txt").of(Heading)


def test_elements_that_are_left_out_end_where_they_are_closed():
    document = read_html("<nav>a<svg>b</nav><h1>C</h1>" + "<nav>" * 20_000 + "</p>" * 20_000 + "d" + "</nav>" * 20_000 + "<h2>E</h2>")
    assert [block.text for block in document.of(Heading)] == ["C", "E"]


def test_a_cell_can_span_rows_and_columns():
    (table,) = read_html(
        "<table><tr><th>A<th>B<th>C</tr><tr><td rowspan=2>1<td colspan=2>2</tr><tr><td>3<td>4</tr><tr><td>5<td>6<td>7</table>"
    ).of(Table)
    assert cells(table) == [["1", "2", "2"], ["1", "3", "4"], ["5", "6", "7"]]


def test_a_cell_that_spans_millions_of_columns_is_read():
    (table,) = read_html("<table><tr><th>A</tr><tr><td colspan=99999999 rowspan=99999999>1</tr><tr><td>2</table>").of(Table)
    assert {len(row.cells) for row in table.rows} == {50, 51}


def test_items_of_lists_have_levels_and_lines():
    (table,) = read_html("<table><tr><th>A\n<tr><td>a<ul>\n<li>b<ul><li>c</ul>\n<li>d</ul>e</table>").of(Table)
    lines = [(line.text, line.level, line.number) for line in table.rows[0].cells[0].lines]
    assert lines == [("a", 0, 2), ("b", 1, 3), ("c", 2, 3), ("d", 1, 4), ("e", 0, 4)]


def test_scripts_and_navigation_are_ignored_and_a_title_has_parts():
    found = read_html(
        "<title>Create task - NCLUE</title><nav><h1>Get task</h1></nav><script><h1>x</h1></script><h2>Request</h2>\n<pre>\na\n b</pre>"
    )
    assert found.titles == ("Create task - NCLUE", "Create task", "NCLUE")
    assert found.blocks == (Heading("Request", 2, 1), Code("a\n b", 3))


def test_a_table_in_a_cell_is_a_table_of_its_own():
    inner, outer = read_html("<table><tr><th>A<tr><td>x<table><tr><th>B<tr><td>1</table>").of(Table)
    assert (inner.header, outer.header) == (("B",), ("A",))


# -- Markdown ----------------------------------------------------------------------------------------------------------------------------


def test_markdown_has_front_matter_tables_with_html_and_raw_html():
    found = read_markdown(
        "---\ntitle: 'Create task'\n---\n\n## Request body\n\n| A | B |\n|---|---|\n| `x\\|y` | a<br>b \\* |\n\n<table>\n"
        "<tr><th>C</th></tr>\n"
        "<tr><td>1</td></tr>\n</table>\n\n```json\n{}\n```\n"
    )
    first, second = found.of(Table)
    assert found.titles[0] == "Create task"
    assert (cells(first), first.line, first.rows[0].line) == ([["x|y", "a b *"]], 7, 9)
    assert (cells(second), second.rows[0].line) == ([["1"]], 13)
    assert [(code.text, code.line) for code in found.of(Code)] == [("{}", 17)]


def test_front_matter_that_does_not_end_is_text():
    assert read_markdown("---\ntitle: x\n").titles == ()


# -- text --------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", ["\t", " | ", "   "])
def test_cells_of_a_text_can_be_separated(separator):
    lines = [("Field", "Type", "Required", "Description"), ("name", "String", "Required", "The name")]
    text = "\n".join(separator.join(cells) for cells in lines) + "\n• 1-100 characters\n\nBehind it\n"
    found = read_text(text)
    (table,) = found.of(Table)
    assert cells(table) == [["name", "String", "Required", "The name 1-100 characters"]]
    assert found.blocks[-1] == Paragraph("Behind it", 5)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("nameStringRequiredTask name", ["name", "String", "Required", "Task name"]),
        ("task_idString-Task ID", ["task_id", "String", "-", "Task ID"]),
        ("nameUuidRequiredTask name", ["name", "Uuid", "Required", "Task name"]),
        ("nameStringPerhaps", ["name", "String", "", "Perhaps"]),
        ("AUROCFloat-Area", ["AUROC", "Float", "-", "Area"]),
        ("name문자열필수이름", ["name", "문자열", "필수", "이름"]),
    ],
)
def test_cells_of_a_text_without_separators_are_told_apart_by_words(row, expected):
    (table,) = read_text(f"FieldTypeRequiredDescription\n{row}").of(Table)
    assert cells(table) == [expected]


# -- files -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "encoding"),
    [("html", "utf-8"), ("html", "utf-8-sig"), ("text", "utf-16"), ("markdown", "utf-8")],
)
def test_the_content_and_the_extension_decide_the_format(form, encoding):
    name = {"html": "page.html", "markdown": "page.md", "text": "page.txt"}[form]
    text = page("create", "ko").render(form)
    assert compare_page(read_page(text.encode(encoding), name), DEFAULTS).differences == ()
    if form != "text":
        assert compare_page(read_page(text.encode(encoding), "-"), DEFAULTS).differences == ()


def test_the_declared_encoding_of_html_counts():
    text = page("create", "ko").render("html").replace("charset='utf-8'", "charset='euc-kr'")
    assert compare_page(read_page(text.encode("euc-kr", "xmlcharrefreplace"), "a.html"), DEFAULTS).differences == ()


def test_line_ends_of_windows_are_read():
    text = page("create").render("text").replace("\n", "\r\n")
    assert compare_page(read_page(text.encode(), "a.txt"), DEFAULTS).differences == ()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file is empty"),
        (b" \n\xef\xbb\xbf", "no page of|does not mention"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "the file is not text in utf-8"),
        (b"abc\0def", "null characters"),
        ("<meta charset=euc-kr>한국".encode(), "not text in euc-kr"),
        (b"<meta charset=zlib_codec>abc", "does not mention NCLUE"),
        (b"<meta charset=nothing>abc", "not text in nothing"),
        (b"a" * ((32 << 20) + 1), "larger than 32 MB"),
    ],
    ids=map(str, range(9)),
)
def test_what_is_no_page_cannot_be_understood(data, problem):
    with pytest.raises(NotUnderstoodError, match=problem):
        compare_page(read_page(data, "page.html"), DEFAULTS)


# -- hostile input -----------------------------------------------------------------------------------------------------------------------

RENDERED = {(kind, form): page(kind).render(form) for kind in ("create", "list", "overview") for form in FORMATS}
PIECES = st.sampled_from(
    [
        "<table>",
        "</td>",
        "<tr><td rowspan=7>",
        "<pre>",
        "<li>",
        "|",
        "```",
        "\n\n",
        "[",
        "]]>",
        "<!--",
        "&#0;",
        "{",
        "'",
        "\\",
        "\ud800",
        "\u202e",
        "1-",
        "0",
    ]
)


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(RENDERED)),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 60), PIECES | st.text(max_size=5)), max_size=8),
)
def test_a_damaged_page_is_compared_or_cannot_be_understood(chosen, damages):
    text = RENDERED[chosen]
    for at, removed, put in damages:
        text = text[:at] + put + text[at + removed :]
    try:
        found = compare_page(read_page(text.encode("utf-8", "surrogatepass"), "page", chosen[1]), DEFAULTS)
    except NotUnderstoodError:
        return
    assert all(one.line >= 0 and one.contract != one.page for one in found.differences)


@settings(max_examples=60)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.sampled_from(FORMATS))
def test_any_bytes_cannot_be_understood(data, form):
    with pytest.raises(NotUnderstoodError):
        compare_page(read_page(data, "page", form), DEFAULTS)


HOSTILE = {
    "open lists": "<ul><li>" * 2000,
    "open tables": "<table><tr><td>" * 1000,
    "open elements": "<div>" * 5000,
    "brackets": "[" * 2000,
    "emphasis": "*a_" * 2000,
    "quotes": "> " * 5000,
    "digits": "1" * 10000 + " characters",
    "ranges": "1-" * 5000,
    "columns": "Field" * 2000,
    "punctuation": "&$@ " * 2000,
    "spaces": "name" + " " * 5000 + "x",
    "backticks": "`" * 2000,
    "comments": "<!--" * 2000,
    "words": "a_|" * 3000,
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_with_a_hostile_cell_ends(name, form):
    """It ends at all: a search whose time grows with the square of the length would take minutes for these."""
    good = page("create")
    good.table("request-body").row("name")[-1] = [HOSTILE[name]]
    good.blocks.append(HOSTILE[name])
    with suppress(NotUnderstoodError):
        compare_page(read_page(good.render(form).encode(), "page", form), DEFAULTS)
