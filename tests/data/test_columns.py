"""Files of columns: what they hold, and one clear error for every fault, naming file and line."""

from __future__ import annotations

import pytest

from rekur.data import columns
from rekur.data.datasets import tags
from rekur.errors import DataError
from rekur.evaluation import tagging


def row(number, word="w", tag="NOUN", head="_"):
    return "\t".join([str(number), word, "_", tag, "X", "_", head, "_", "_", "_"])


def conllu(*rows):
    return "# text = of no matter\n" + "\n".join(rows) + "\n\n"


def parsed(text, name="my.conllu", **asked):
    content = text if isinstance(text, bytes) else text.encode()
    path = columns.Path(name)
    return [(s.words, s.tags) for s in columns.parse(content, path, **asked)]


GOOD = conllu(
    row("1-2", "don't", "_"),
    row(1, "do", "AUX", "3"),
    row(2, "n't", "PART"),
    row("2.1", "x", "_"),
    row(3, "go", "VERB", "0"),
)
READ = [(("do", "n't", "go"), ("AUX", "PART", "VERB"))]


def test_words_are_read_and_ranges_empty_nodes_and_comments_are_not():
    assert parsed(GOOD) == READ
    assert parsed(GOOD, column=5) == [(("do", "n't", "go"), ("X", "X", "X"))]
    assert parsed(GOOD + GOOD) == READ * 2


@pytest.mark.parametrize(
    "text", [GOOD.rstrip("\n"), GOOD + "\n\n", "\n" + GOOD, GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD]
)
def test_blank_lines_line_ends_and_a_mark_of_order_are_no_fault(text):
    assert parsed(text) == READ


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (conllu(row(1), row(2).rpartition("\t")[0]), "line 3 has 9 columns; CoNLL-U has 10"),
        (conllu(row(1), "2 word"), "line 3 has 1 column; CoNLL-U has 10"),
        (conllu(row(1, head="0"), row(2, head="1"), row(3, head="0")), "line 4 is a second root .* line 2"),
        (conllu(row(1), row(3)), "line 3 has the id 3 out of order; expected 2"),
        (conllu(row(2)), "line 2 has the id 2 out of order; expected 1"),
        (conllu(row("one")), "line 2 has the id `one`"),
        (conllu(row(1), row(2, "house", "_")), "line 3 has no tag in column 4: the word is `house`"),
        (conllu(row(1), row(2, "house", "")), "line 3 has no tag in column 4"),
        (conllu(row(1), row(2, "")), "line 3 has no word"),
        (conllu(row(1, "caf\xe9")).encode("latin-1"), "is not UTF-8: byte 0xe9 in line 2"),
        ("# nothing\n\n", "holds no sentence"),
        ("", "holds no sentence"),
    ],
)
def test_a_fault_of_conllu_is_one_error_that_names_file_and_line(text, said):
    with pytest.raises(DataError, match=f"my.conllu.*{said}") as error:
        parsed(text)
    assert "\n" not in str(error.value)


def test_two_roots_in_two_sentences_are_no_fault():
    assert len(parsed(conllu(row(1, head="0")) * 2)) == 2


PLAIN = [(("Anna", "left"), ("B-PER", "O")), (("Yes",), ("O",))]


@pytest.mark.parametrize("gap", [" ", "\t", "   "])
@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_columns_stand_apart_by_blanks_or_tabs(gap, end):
    lines = ["-DOCSTART- -X- O", "", f"Anna{gap}NNP{gap}B-PER", f"left{gap}VBD{gap}O", "", f"Yes{gap}UH{gap}O"]
    assert parsed("\n".join(lines) + end, "my.conll") == PLAIN
    assert parsed("\r\n".join(lines) + end, "my.bio", column=2)[0] == (("Anna", "left"), ("NNP", "VBD"))


def test_a_word_may_hold_a_blank_where_tabs_stand_between():
    assert parsed("New York\tB-LOC\n", "my.conll") == [(("New York",), ("B-LOC",))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Anna NNP B-PER\nleft VBD\n", "line 2 has 2 columns; the lines before have 3"),
        ("Anna\nleft\n", "line 1 has 1 column; a word and its tag need 2"),
        ("Anna\tB-PER\nleft\t\n", "line 2 has no tag in column 2: the word is `left`"),
        ("\tO\n", "line 1 has no word"),
        ("Anna O\nleft\xff O".encode("latin-1"), "byte 0xff in line 2"),
    ],
)
def test_a_fault_of_columns_is_one_error_that_names_file_and_line(text, said):
    with pytest.raises(DataError, match=f"my.conll.*{said}"):
        parsed(text, "my.conll")


def test_a_file_to_be_tagged_needs_no_tags():
    assert parsed("Anna\nleft\n\nYes", "my.conll", tagged=False) == [(("Anna", "left"), ()), (("Yes",), ())]
    assert parsed(conllu(row(1, "Anna", "_")), tagged=False) == [(("Anna",), ())]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.conllu cannot be read"):
        columns.read(tmp_path / "none.conllu")


def test_the_sample_has_names_in_bio_and_parts_of_speech():
    names, parts = tags.load(), tags.load(column=2)
    assert [s.words for s in names] == [s.words for s in parts]
    assert len({s.words for s in names}) == len(names) == 160
    assert tagging.in_spans(tag for s in names for tag in s.tags)
    assert {tag for s in parts for tag in s.tags} <= {
        *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT"),
        *("SCONJ", "SYM", "VERB", "X"),
    }
