"""Numbers in words, English and Korean: 307 is "three hundred and seven" and "삼백칠"."""

from __future__ import annotations

from typing import Literal

from rekur.errors import DataError

Language = Literal["english", "korean"]

MOST = 99_999
_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety"
_DIGITS = "영일이삼사오육칠팔구"
_PLACES = ((10_000, "만"), (1_000, "천"), (100, "백"), (10, "십"))


def in_words(number: int, language: Language) -> str:
    """Return `number` in words; raises DataError unless it lies in 0..99,999.

    >>> in_words(307, "english"), in_words(307, "korean")
    ('three hundred and seven', '삼백칠')
    """
    if not 0 <= number <= MOST:
        raise DataError(f"in_words: the number must be 0..{MOST:,}; got {number:,}.")
    return _english(number) if language == "english" else _korean(number)


def _english(number: int) -> str:
    """As it is said in Britain: "and" before what is below a hundred, a hyphen between tens and ones, no commas."""
    if number < 20:
        return _BELOW_TWENTY.split(" ")[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS.split(" ")[tens] + (f"-{_english(ones)}" if ones else "")
    size, name = (1_000, "thousand") if number >= 1_000 else (100, "hundred")
    count, rest = divmod(number, size)
    head = f"{_english(count)} {name}"
    if not rest:
        return head
    return f"{head} and {_english(rest)}" if rest < 100 else f"{head} {_english(rest)}"


def _korean(number: int) -> str:
    """Sino-Korean, without blanks; 1 is not said before a place: 100 is 백, 10,000 is 만."""
    if number == 0:
        return _DIGITS[0]
    words, rest = "", number
    for size, place in _PLACES:
        count, rest = divmod(rest, size)
        words += (_DIGITS[count] if count > 1 else "") + place if count else ""
    return words + (_DIGITS[rest] if rest else "")
