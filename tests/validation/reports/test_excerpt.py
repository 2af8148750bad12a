"""Excerpts fit, carets stand where they should, and nothing breaks a terminal. Widths are counted here a second time, by hand."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.validation.reports.excerpt import display_width, excerpt_with_carets, safe, wrap

ENCODINGS = ["utf-8", "utf-16", "cp1252", "cp949", "gb18030", "shift_jis", "iso2022_kr", "ascii"]

EXCERPTS = {
    "plain text": ("data~1.csv", [4], "utf-8", "data~1.csv", "    ^"),
    "all occurrences": ("~a~b~", [0, 2, 4], "utf-8", "~a~b~", "^ ^ ^"),
    "Hangul is two cells wide": ("데이~터.csv", [2], "utf-8", "데이~터.csv", "    ^"),
    "a wide character has two carets": ("a데b", [1], "utf-8", "a데b", " ^^"),
    "fullwidth letters": ("ｄａ~", [2], "utf-8", "ｄａ~", "    ^"),
    "halfwidth Hangul": ("ﾡﾢ~", [2], "utf-8", "ﾡﾢ~", "  ^"),
    "decomposed Hangul is as wide as composed": ("\u1103\u1166\u110b\u1175~", [4], "utf-8", "\u1103\u1166\u110b\u1175~", "    ^"),
    "a final consonant joins as well": ("\u1100\u1161\u11a8~", [3], "utf-8", "\u1100\u1161\u11a8~", "  ^"),
    "a final consonant joins a composed syllable": ("가\u11a8~", [2], "utf-8", "가\u11a8~", "  ^"),
    "a vowel on its own takes a cell": ("a\u1161~", [2], "utf-8", "a\u1161~", "  ^"),
    "a decomposed vowel is pointed at under its syllable": ("x\u1103\u1166", [2], "utf-8", "x\u1103\u1166", " ^^"),
    "a combining mark takes no cell": ("e\u0301~", [2], "utf-8", "e\u0301~", " ^"),
    "a combining mark is pointed at under its base": ("ae\u0301b", [2], "utf-8", "ae\u0301b", " ^"),
    "an enclosing mark as well": ("a1\u20ddb", [2], "utf-8", "a1\u20ddb", " ^"),
    "a leading mark gets a base": ("\u0301~", [0, 1], "utf-8", "◌\u0301~", "^^"),
    "a mark after an escape gets a base": ("\n\u0301~", [1], "utf-8", "\\n◌\u0301~", "  ^"),
    "an emoji is wide": ("🎉~", [1], "utf-8", "🎉~", "  ^"),
    "a joiner is shown": ("👩\u200d💻~", [3], "utf-8", "👩\\u200d💻~", "          ^"),
    "a tab is escaped": ("a\tb", [1], "utf-8", "a\\tb", " ^^"),
    "an escape sequence is harmless": ("\x1b[31m~", [0], "utf-8", "\\x1b[31m~", "^^^^"),
    "right-to-left override is harmless": ("a\u202eb~", [3], "utf-8", "a\\u202eb~", "        ^"),
    "a lone surrogate is escaped": ("a\ud800~", [1], "utf-8", "a\\ud800~", " ^^^^^^"),
    "an unassigned character is escaped": ("\U000e0fff~", [1], "utf-8", "\\U000e0fff~", "          ^"),
    "a no-break space is made visible": ("a\xa0b", [1], "utf-8", "a\\xa0b", " ^^^^"),
    "Hangul on a console of Western Europe": ("é데~", [2], "cp1252", "é\\ub370~", "       ^"),
    "anything on an ASCII console": ("é🎉~", [2], "ascii", "\\xe9\\U0001f389~", "              ^"),
    "Hangul on a Korean console": ("데é~", [2], "cp949", "데\\xe9~", "      ^"),
    "a leading mark on an ASCII console": ("\u0301~", [1], "ascii", "\\u0301~", "      ^"),
    "a cut on both sides": ("a" * 50 + "~" + "b" * 50, [50], "utf-8", "…" + "a" * 5 + "~" + "b" * 12 + "…", " " * 6 + "^"),
    "a cut in ASCII": ("a" * 50 + "~" + "b" * 50, [50], "ascii", "..." + "a" * 3 + "~" + "b" * 10 + "...", " " * 6 + "^"),
    "a cut at the end only": ("~" + "a" * 50, [0], "utf-8", "~" + "a" * 17 + "…", "^"),
    "a cut at the start only": ("a" * 50 + "~", [50], "utf-8", "…" + "a" * 17 + "~", " " * 18 + "^"),
    "a text that just fits": ("a" * 19 + "~", [19], "utf-8", "a" * 19 + "~", " " * 19 + "^"),
    "a wide character is not cut in two": ("~" + "데" * 50, [0], "utf-8", "~" + "데" * 8 + "…", "^"),
}


@pytest.mark.parametrize("name", EXCERPTS)
def test_excerpts_look_as_typed_here(name):
    text, positions, encoding, line, carets = EXCERPTS[name]
    assert excerpt_with_carets(text, positions, 20, encoding) == (line, carets)


def test_a_huge_value_costs_no_more_than_a_short_one():
    text = "a" * 5_000_000 + "~" + "b" * 5_000_000
    assert excerpt_with_carets(text, [5_000_000], 20) == ("…aaaaa~bbbbbbbbbbbb…", "      ^")


def test_marks_without_end_do_not_make_a_line_without_end():
    line, carets = excerpt_with_carets("a" + "\u0301" * 1_000_000 + "~", [500_000], 20)
    assert line.startswith("…◌\u0301")
    assert line.endswith("…")
    assert len(line) < 1000
    assert carets == " ^"


def shown(character, encoding):
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return ascii(character)[1:-1]
    return character if character.isprintable() else ascii(character)[1:-1]


def cells(text):
    """Display width, the plain way: first drop what joins, then count."""
    text = "".join(c for c in text if unicodedata.category(c) not in ("Mn", "Me"))
    text = re.sub("([\u1100-\u115f\ua960-\ua97c\uac00-\ud7a3])[\u1160-\u11ff\ud7b0-\ud7fb]+", r"\1", text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def is_mark(character):
    return unicodedata.category(character) in ("Mn", "Me")


AWKWARD = "a~ \t\n\x1b\u202e\u200d\u0301\u20dd\u1103\u1166\u11a8\ua960\ud7b0데가ｄ🎉\ud800\udfff\U000e0fff…│◌\\"
texts = st.text(st.one_of(st.sampled_from(AWKWARD), st.characters(exclude_categories=())), min_size=1)


@st.composite
def texts_with_positions(draw):
    text = draw(st.one_of(texts, st.builds(lambda part, times: part * times, texts, st.integers(1, 300))))
    chosen = draw(st.sets(st.integers(0, len(text) - 1), min_size=1, max_size=10))
    return text, sorted(chosen)


@given(st.lists(st.sampled_from([c for c in AWKWARD if not is_mark(c)] + ["e\u0301"]), min_size=1, max_size=8), st.data())
def test_a_caret_is_indented_by_the_width_of_the_text_before_it(parts, data):
    text = "".join(parts)
    position = data.draw(st.integers(0, len(text) - 1))
    line, carets = excerpt_with_carets(text, [position], 200)
    pieces = [shown(c, "utf-8") for c in text]
    assert line == "".join(pieces)
    before = cells("".join(pieces[:position]))
    until = cells("".join(pieces[: position + 1]))
    if until > before:
        assert carets == " " * before + "^" * (until - before)
    else:  # a mark or a joining letter: under its base
        assert len(carets) == before
        assert carets.endswith("^")


@given(texts_with_positions(), st.integers(0, 120), st.sampled_from(ENCODINGS))
def test_excerpts_never_exceed_the_limit_and_can_be_written(value, limit, encoding):
    line, carets = excerpt_with_carets(*value, limit, encoding)
    assert cells(line) <= max(limit, 20)
    assert len(carets) <= max(limit, 20)
    assert "^" in carets
    assert set(carets) <= {" ", "^"}
    assert line.isprintable()
    line.encode(encoding)


@given(st.text(st.characters(exclude_categories=())), st.sampled_from(ENCODINGS))
def test_safe_text_can_be_written_and_obeys_no_terminal(text, encoding):
    assert safe(text, encoding).isprintable()
    safe(text, encoding).encode(encoding)


def test_safe_text_leaves_what_it_can():
    assert safe("파일 é…", "utf-8") == "파일 é…"
    assert safe("파일 é…", "cp1252") == "\\ud30c\\uc77c é..."
    assert safe("a\nb\udc80", "ascii") == "a\\nb\\udc80"


@given(st.text(st.one_of(st.sampled_from("ab  데🎉\u0301"), st.characters())), st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text, limit):
    text = safe(text, "utf-8")
    lines = wrap(text, limit)
    assert all(cells(line) <= limit for line in lines)
    assert "".join(lines).replace(" ", "").replace("◌", "") == text.replace(" ", "").replace("◌", "")


def test_lines_are_wrapped_at_spaces_and_long_words_are_cut():
    assert wrap("the quick brown fox", 10) == ["the quick", "brown fox"]
    assert wrap("a 데이터데이터 b", 6) == ["a", "데이터", "데이터", "b"]
    assert wrap("", 10) == []


def test_width_counts_cells():
    assert [display_width(text) for text in ("abc", "데이터", "e\u0301", "")] == [3, 6, 1, 0]


@given(
    st.text(st.sampled_from("ab~ "), min_size=1, max_size=260), st.data(), st.integers(0, 90), st.sampled_from(["utf-8", "ascii", "cp949"])
)
def test_plain_text_is_cut_like_other_text_of_the_same_width(text, data, limit, encoding):
    positions = sorted(data.draw(st.sets(st.integers(0, len(text) - 1), min_size=1, max_size=4)))
    other = text.replace("a", "é")
    line, carets = excerpt_with_carets(text, positions, limit, "utf-8")
    assert excerpt_with_carets(other, positions, limit, "utf-8") == (line.replace("a", "é"), carets)
    assert len(excerpt_with_carets(text, positions, limit, encoding)[0]) <= max(limit, 20)


@given(st.lists(st.sampled_from(["a", "bc", "d" * 19, "e" * 40, ""]), max_size=12).map(" ".join), st.integers(20, 60))
def test_plain_text_is_wrapped_like_other_text_of_the_same_width(text, limit):
    assert wrap(text.replace("a", "é").replace("b", "é"), limit) == [line.replace("a", "é").replace("b", "é") for line in wrap(text, limit)]
