"""Every coding keeps the promises of its interface."""

import base64
import json
import unicodedata
from pathlib import Path

import polars as pl
import pytest

from rekur.data.coding import END, PAD, START, UNKNOWN, Coding, KerasCoding, WordCoding, make
from rekur.data.subwords import SubwordCoding
from rekur.errors import DataError

TRAIN = pl.Series(["the cat the dog the end", "a cat", ""])
CODINGS: list[Coding] = [
    WordCoding("words"),
    WordCoding("words", max_words=2),
    WordCoding("spaces", min_count=2),
    KerasCoding(),
    KerasCoding(6, 4),
    WordCoding("written", marks=True, lower=True),
    WordCoding("characters", marks=True),
    WordCoding("jamo"),
    SubwordCoding(24),
    SubwordCoding(20, "unigram", marks=True, lower=True),
]
KOREAN = pl.Series(["정말 재밌는 영화", "재밌는 영화 정말 재밌다", "영화 값이 아깝다 ㅋㅋ"] * 3)


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_ids_are_below_the_size_and_rows_are_kept(coding: Coding) -> None:
    fitted = coding.fit(TRAIN)
    ids = fitted.encode(pl.Series(["the cat", "unseen", "", "dog a end"]))
    assert len(ids) == 4
    assert ids.values.min() > 0  # 0 pads
    assert ids.values.max() < fitted.size
    assert 0 < fitted.unknown < fitted.size


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_json_and_the_settings_are_enough(coding: Coding) -> None:
    fitted = coding.fit(TRAIN)
    assert coding.from_json(fitted.to_json()) == fitted


def test_chapter_c_drops_what_it_does_not_know() -> None:
    coding = KerasCoding(num_words=6, skip_top=5).fit(TRAIN)  # the: 4, cat: 5, a and others from 6
    assert [row.tolist() for row in coding.encode(TRAIN)] == [[5], [5], []]
    assert coding.size == 6


MARKED = ("written", "characters", "jamo", "bpe", "unigram")


@pytest.mark.parametrize("unit", MARKED)
def test_a_marked_text_comes_back_from_its_ids(unit: str) -> None:
    coding = make(unit, 60 if unit in ("bpe", "unigram") else 0, marks=True).fit(KOREAN)
    ids = coding.encode(KOREAN)
    assert ids.values.min() > END  # marks are the task's to write
    assert coding.decode([[START, *row, END, PAD, PAD] for row in ids]) == KOREAN.to_list()
    assert coding.decode([[], [UNKNOWN]]) == ["", ""]
    assert (coding.start, coding.end) == (START, END)


@pytest.mark.parametrize("unit", ["words", "written", "characters", "jamo", "bpe", "unigram"])
def test_composed_and_decomposed_texts_have_the_same_ids(unit: str) -> None:
    coding = make(unit, 60 if unit in ("bpe", "unigram") else 0).fit(KOREAN)
    apart = pl.Series([unicodedata.normalize("NFD", text) for text in KOREAN])
    assert apart.to_list() != KOREAN.to_list()
    assert coding.encode(apart).values.tolist() == coding.encode(KOREAN).values.tolist()
    assert make(unit, 60 if unit in ("bpe", "unigram") else 0).fit(apart) == coding


@pytest.mark.parametrize("unit", ["characters", "jamo", "bpe"])
def test_a_character_never_seen_is_unknown(unit: str) -> None:
    coding = make(unit, 60 if unit == "bpe" else 0).fit(KOREAN)
    assert coding.unknown in coding.encode(pl.Series(["\u9f98"]))[0].tolist()


def test_keras_ids_are_words_again() -> None:
    coding = KerasCoding().fit(TRAIN)
    assert coding.decode(coding.encode(TRAIN)) == ["the cat the dog the end", "a cat", ""]
    assert coding.start is None


def test_words_can_be_lowered() -> None:
    assert make("written", lower=True).fit(pl.Series(["The the"])).size == 3
    assert make("written").fit(pl.Series(["The the"])).size == 4


def test_an_unknown_unit_gets_the_nearest() -> None:
    with pytest.raises(DataError, match="Did you mean `unigram`"):
        make("unigrams")


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_the_same_texts_give_the_same_subwords(kind: str) -> None:
    assert make(kind, 40).fit(KOREAN) == make(kind, 40).fit(KOREAN)


def test_subwords_are_made_in_silence_and_without_files(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make("bpe", 40).fit(KOREAN).encode(KOREAN)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def test_any_white_space_is_one_space_to_subwords() -> None:
    coding = make("bpe", 60).fit(KOREAN)
    assert coding.decode(coding.encode(pl.Series([" 정말\t\n\x00재밌는  영화 "]))) == ["정말 재밌는 영화"]


def test_texts_of_few_words_give_fewer_subwords_and_say_so() -> None:
    few = make("bpe", 500).fit(KOREAN)
    assert few.size < 500
    assert few.warnings == (f"The training texts hold {few.size} bpe subwords; 500 were asked for.",)
    assert make("bpe", 40).fit(KOREAN).warnings == ()


def test_a_long_text_is_trained_on_whole() -> None:
    long = make("bpe", 60).fit(pl.Series(["word " * 2000 + "qqq " * 20]))
    assert long.unknown not in long.encode(pl.Series(["qqq"])).values


@pytest.mark.parametrize("texts", [[], ["", " \n"], [None]])
def test_no_subwords_of_nothing(texts: list[str | None]) -> None:
    with pytest.raises(DataError, match="hold no word"):
        make("bpe", 40).fit(pl.Series(texts, dtype=pl.String))


def test_fewer_subwords_than_characters_are_refused() -> None:
    with pytest.raises(DataError, match=r"10 subwords are fewer than the \d+ characters"):
        make("bpe", 10).fit(KOREAN)


def test_damaged_subwords_are_refused() -> None:
    coding = make("bpe", 40).fit(KOREAN)
    written = coding.to_json()
    model = base64.b64decode(json.loads(written)["model"])
    halved = json.dumps({"subwords": "bpe", "model": base64.b64encode(model[: len(model) // 2]).decode()})
    for text in ("", "[]", "{}", written.replace("bpe", "unigram"), written.replace("=", "").replace("A", "!"), halved):
        with pytest.raises(DataError, match="not subwords written by rekur"):
            coding.from_json(text)


def test_a_vocabulary_of_another_unit_is_refused() -> None:
    written = make("words").fit(KOREAN).to_json()
    for coding in (make("characters"), make("words", marks=True)):
        with pytest.raises(DataError, match="not one of"):
            coding.from_json(written)
