"""A running text as ids, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data.running import Characters, Words, read_json
from rekur.errors import DataError


@given(text=st.text("ab 한é\n,\u2028", max_size=60))
def test_characters_joined_are_the_text(text):
    units = Characters.fit(text)
    assert "".join(units.joined(units.cut(text))) == text
    assert [units.kinds[i] for i in units.encode(text)] == list(text)


def test_other_characters_have_the_last_id_where_there_can_be_any():
    units = Characters.fit("cab")
    assert (units.kinds, units.size, units.unknown) == (("a", "b", "c"), 4, 3)
    assert units.encode("cz").tolist() == [2, 3]
    assert Characters.fit("cab", closed=True).size == 3
    assert units.unseen("zazy") == ["z", "y"]


@given(lines=st.lists(st.lists(st.sampled_from(["a", "@-@", "<unk>", "."]), max_size=5), min_size=1, max_size=4))
def test_words_apart_by_spaces_joined_are_the_text(lines):
    text = "\n".join(" ".join(line) for line in lines)
    units = Words.fit(text, spaced=True)
    assert "".join(units.joined(units.cut(text))) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, (one)!\nYes", ["Don't", "stop", ",", "(", "one", ")", "!", "<eos>", "Yes"]),
        ("한국어도 된다.", ["한국어도", "된다", "."]),
        ("\n\n", ["<eos>", "<eos>"]),
        ("", []),
    ],
)
def test_words_are_cut_from_their_signs_and_joined_again(text, words):
    units = Words.fit("a", spaced=False)
    assert units.cut(text) == words
    assert "".join(units.joined(words)) == text


def test_words_are_numbered_by_how_often_they_stand_and_rare_ones_are_unknown():
    units = Words.fit("b a b c\nb a d\n", spaced=True, min_count=2)
    assert units.kinds == ("b", "<eos>", "<unk>", "a")  # equal counts in the order of their letters
    assert [units.kinds[i] for i in units.encode(["c", "b", "z"])] == ["<unk>", "b", "<unk>"]
    assert units.size == 4
    assert Words.fit("b a b", spaced=True).unknown == 2  # an id of its own where training has no rare word


def test_a_vocabulary_is_written_and_read():
    for units in (Characters.fit("한 é\n"), Words.fit("a b <unk>", spaced=True)):
        kinds = read_json(units.to_json(), units.name)
        assert tuple(kinds) == units.kinds


@pytest.mark.parametrize("text", ["[]", '{"words": []}', '{"words": [1]}', '{"characters": ["a"]}'])
def test_what_is_no_vocabulary_is_refused(text):
    with pytest.raises(DataError, match="not a vocabulary"):
        read_json(text, "word")
