"""Numbers in words: cases a rule of thumb gets wrong, and every number read back by a parser of its own."""

from __future__ import annotations

import re

import pytest

from rekur.data.numbers import MOST, in_words
from rekur.errors import DataError

BY_HAND = [
    (0, "zero", "영"),
    (7, "seven", "칠"),
    (10, "ten", "십"),
    (11, "eleven", "십일"),
    (13, "thirteen", "십삼"),
    (20, "twenty", "이십"),
    (21, "twenty-one", "이십일"),
    (40, "forty", "사십"),
    (99, "ninety-nine", "구십구"),
    (100, "one hundred", "백"),
    (101, "one hundred and one", "백일"),
    (110, "one hundred and ten", "백십"),
    (111, "one hundred and eleven", "백십일"),
    (219, "two hundred and nineteen", "이백십구"),
    (307, "three hundred and seven", "삼백칠"),
    (1_000, "one thousand", "천"),
    (1_001, "one thousand and one", "천일"),
    (1_016, "one thousand and sixteen", "천십육"),
    (1_100, "one thousand one hundred", "천백"),
    (6_066, "six thousand and sixty-six", "육천육십육"),
    (9_999, "nine thousand nine hundred and ninety-nine", "구천구백구십구"),
    (10_000, "ten thousand", "만"),
    (10_001, "ten thousand and one", "만일"),
    (11_111, "eleven thousand one hundred and eleven", "만천백십일"),
    (20_000, "twenty thousand", "이만"),
    (50_300, "fifty thousand three hundred", "오만삼백"),
    (70_012, "seventy thousand and twelve", "칠만십이"),
    (99_999, "ninety-nine thousand nine hundred and ninety-nine", "구만구천구백구십구"),
]

WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
SMALL = {word: number for number, word in enumerate(WORDS.split(" "))} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}


def read_english(words: str) -> int:
    total = group = 0
    for word in re.split(r"[ -]", words):
        if word == "thousand":
            total, group = group * 1_000, 0
        elif word == "hundred":
            group *= 100
        elif word != "and":
            group += SMALL[word]
    return total + group


def read_korean(words: str) -> int:
    total = digit = 0
    for sign in words:
        if sign in "십백천만":
            total += (digit or 1) * 10 ** (1 + "십백천만".index(sign))
            digit = 0
        else:
            digit = "영일이삼사오육칠팔구".index(sign)
    return total + digit


@pytest.mark.parametrize(("number", "english", "korean"), BY_HAND)
def test_a_number_is_written_as_people_write_it(number, english, korean):
    assert in_words(number, "english") == english
    assert in_words(number, "korean") == korean


def test_every_number_reads_back_as_itself():
    for number in range(MOST + 1):
        assert read_english(in_words(number, "english")) == number
        assert read_korean(in_words(number, "korean")) == number


def test_a_one_is_never_said_before_a_place():
    assert not any(re.search("일[십백천만]", in_words(number, "korean")) for number in range(MOST + 1))


@pytest.mark.parametrize("number", [-1, MOST + 1])
def test_a_number_out_of_range_is_refused(number):
    with pytest.raises(DataError, match="99,999"):
        in_words(number, "english")
