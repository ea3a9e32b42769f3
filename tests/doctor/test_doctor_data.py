"""Every kind of spoilt table in the form people bring it, and sound ones that look like them."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import doctor_examples
import numpy as np
import polars as pl
import pytest

from rekur.data.datasets import kospi, nsmc
from rekur.doctor import examination
from rekur.doctor.findings import Finding
from rekur.doctor.patient import Patient, Tables
from rekur.doctor.tables import read as tables
from rekur.errors import DataError, RequestError

GRAVE = ("fault", "warning")
reviews = doctor_examples.example("leaks").reviews


def found(data: Tables, *severities: str) -> dict[str, Finding]:
    findings = examination.examine(Patient(tables=data), only=["data"])
    assert "RK-NOTE-01" not in {finding.code for finding in findings}
    return {finding.code: finding for finding in findings if finding.severity in (severities or GRAVE)}


def texts(*some: str, **names: Any) -> Tables:
    """A table of sound texts, these among them."""
    frame = pl.concat(
        [reviews(100), pl.DataFrame({"text": some, "label": ["positive", "negative"] * (len(some) // 2)})]
    )
    return Tables(frame, text="text", label="label", **names)


def days(n: int, start: date = date(2018, 1, 1)) -> list[date]:
    return [start + timedelta(days=t) for t in range(n)]


def walk(n: int, seed: int = 0) -> np.ndarray:
    return 100 * np.exp(np.random.default_rng(seed).normal(size=n).cumsum() * 0.01)


def dated(dates: Any, x: Any = None, **names: Any) -> Tables:
    x = walk(len(dates)) if x is None else x
    return Tables(pl.DataFrame({"date": dates, "x": x}), time="date", **names)


# Encoding


def test_sound_texts_in_many_scripts_are_quiet() -> None:
    some = [
        "CAFÉ… «Málaga», naïve — “Übermut”",
        "정말 재미있는 영화였어요 ㅋㅋ ····",
        "Тихий Дон",
        "東京物語、とても良い",
    ] * 2
    assert not found(texts(*some), "fault", "warning", "note")


@pytest.mark.parametrize(
    ("spoilt", "kind"),
    [
        ("Un café très agréable".encode().decode("cp1252"), "mojibake"),
        ("좋은 영화".encode().decode("latin-1"), "mojibake"),
        ("정말 좋은 영화입니다".encode("cp949").decode("latin-1"), "korean"),
        ("caf\ufffd", "replacement"),
    ],
)
def test_texts_read_in_a_wrong_encoding(spoilt: str, kind: str) -> None:
    finding = found(texts(*[spoilt] * 10))["RK-DATA-01"]
    assert (finding.severity, finding.evidence["kind"], finding.evidence["rows"]) == ("fault", kind, 10)


KOREAN, FRENCH_WORDS = "정말 좋은 영화", "Un café très agréable"


@pytest.mark.parametrize(
    ("spoilt", "cure"),
    [
        (FRENCH_WORDS.encode().decode("cp1252"), 'encode("cp1252").decode("utf-8")'),
        (KOREAN.encode().decode("latin-1"), 'encode("latin-1").decode("utf-8")'),
        (KOREAN.encode().decode("latin-1").replace("\x80", "€"), "ftfy"),  # neither of the two reads it
        (KOREAN.encode("cp949").decode("latin-1"), 'encode("latin-1").decode("cp949")'),
    ],
)
def test_one_column_gets_one_cure_that_works(spoilt: str, cure: str) -> None:
    findings = examination.examine(Patient(tables=texts(*[spoilt] * 10)), only=["RK-DATA-01"])
    assert len(findings) == 1
    assert cure in findings[0].cure


@pytest.mark.parametrize("left", ["Tom &amp; Jerry", "good<br /><br />film", "well \x96 made"])
def test_what_is_left_of_a_web_page_is_a_note(left: str) -> None:
    assert not found(texts(left, left))
    assert "RK-DATA-01" in found(texts(left, left), "note")


def test_two_forms_of_one_letter() -> None:
    whole = ["좋은 영화 café"] * 20
    apart = [unicodedata.normalize("NFD", text) for text in whole]
    assert "NFD" in found(texts(*whole, *apart))["RK-DATA-01"].sentence
    assert not found(texts(*whole, *whole), "fault", "warning", "note")


CSV = "review,sentiment\n" + "".join(f"정말 좋은 영화 {n} 번째,{n % 2}\n" for n in range(30))
FRENCH = "review,sentiment\n" + "".join(f"Très agréable été {n} à voir,{n % 2}\n" for n in range(30))


@pytest.mark.parametrize(
    ("content", "severity"),
    [
        (CSV.encode("cp949"), "warning"),
        (CSV.encode("utf-16"), "warning"),
        (
            CSV.replace("정말 좋은", "Très agréable").replace("영화", "été").replace("번째", "é").encode("latin-1"),
            "warning",
        ),
        (CSV.encode() + b"\xff\xec,1\n", "warning"),
        (CSV.encode("utf-8-sig"), "note"),
        (CSV.encode(), None),
    ],
)
def test_a_file_of_any_encoding_is_read_and_told(tmp_path: Path, content: bytes, severity: str | None) -> None:
    path = tmp_path / "reviews.csv"
    path.write_bytes(content)
    data = tables.read(path)
    assert (data.text, data.label) == ("review", "sentiment")
    assert data.train["review"][0].startswith(("정말", "Très"))
    findings = found(data, "fault", "warning", "note")
    assert findings["RK-DATA-01"].severity == severity if severity else "RK-DATA-01" not in findings


# Reading


def test_columns_are_guessed_and_typed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Date,Close,Note\n" + "".join(f"0{d}/01/2024,{d}.5,n/a\n" for d in range(1, 10)))
    data = tables.read(tmp_path / "a.csv")
    assert (data.text, data.label, data.time) == (None, None, "Date")
    assert data.train["Date"][1] == datetime(2024, 1, 2)  # the days rise, not the months
    assert data.train.schema["Close"] == pl.Float64
    reviews(30).write_ndjson(tmp_path / "b.jsonl")
    data = tables.read(tmp_path / "b.jsonl")
    assert (data.text, data.label, data.time) == ("text", "label", None)


def test_semicolons_as_spreadsheets_write_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV.replace(",", ";").encode("cp949"))
    data = tables.read(tmp_path / "a.csv")
    assert (data.text, data.label, data.train.columns) == ("review", "sentiment", ["review", "sentiment"])


def test_a_comma_may_stand_before_decimals(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("day;price;units\n01.02.2024;12,5;1,024\n02.02.2024;-13;2,048\n")
    frame = tables.read(tmp_path / "a.csv").train
    assert frame["price"].to_list() == [12.5, -13.0]
    assert frame["units"].dtype == pl.String  # thousands, perhaps


def test_a_split_in_two_files(tmp_path: Path) -> None:
    reviews(30).write_csv(tmp_path / "a.tsv", separator="\t")
    reviews(30, seed=1).write_parquet(tmp_path / "b.parquet")
    data = tables.read(tmp_path / "a.tsv", tmp_path / "b.parquet", text="text")
    assert data.test is not None
    assert data.train.columns == data.test.columns


@pytest.mark.parametrize(
    ("name", "options", "error", "says"),
    [
        ("a.csv", {"text": "txet"}, RequestError, "Did you mean `text`"),
        ("a.csv", {"label": "q"}, RequestError, "has no column `q`"),
        ("a.csv", {"length": 0}, RequestError, "at least 1"),
        ("a.xlsx", {}, DataError, "the doctor reads"),
        ("none.csv", {}, DataError, "cannot be read"),
        ("empty.csv", {}, DataError, "is empty"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, options: Any, error: Any, says: str) -> None:
    reviews(30).write_csv(tmp_path / "a.csv")
    for other in ("a.xlsx", "empty.csv"):
        (tmp_path / other).write_bytes(b"")
    with pytest.raises(error, match=says):
        tables.read(tmp_path / name, **options)


# Labels


@pytest.mark.parametrize("other", ["Positive", "positive ", "positive\u200b", "ｐositive"])
def test_labels_that_are_one(other: str) -> None:
    frame = reviews(100)
    frame[7, "label"] = other if frame[7, "label"] == "positive" else "positive"
    frame[8, "label"] = other
    assert found(Tables(frame, text="text", label="label"))["RK-DATA-02"].severity == "fault"


def test_labels_that_are_two() -> None:
    frame = reviews(100).with_columns(label=pl.Series(["pos", "neg", "neutral", "very pos"] * 25))
    assert not found(Tables(frame, text="text", label="label"))
    codes = pl.DataFrame({"code": ["a", "A"] * 50, "x": walk(100)})
    assert not found(Tables(codes))


@pytest.mark.parametrize(
    ("counts", "severity"), [((97, 3), "warning"), ((80, 20), "note"), ((55, 45), None), ((100,), "fault")]
)
def test_balance(counts: tuple[int, ...], severity: str | None) -> None:
    frame = reviews(100).with_columns(label=pl.Series([n for n, count in enumerate(counts) for _ in range(count)]))
    finding = found(Tables(frame, text="text", label="label"), "fault", "warning", "note").get("RK-DATA-03")
    assert (finding and finding.severity) == severity


def test_classes_are_counted_as_they_are_meant() -> None:
    frame = reviews(400).with_columns(label=pl.Series(["pos", "neg"] * 200))
    frame[3, "label"] = "neg "  # no class of one example beside one of two hundred
    assert found(Tables(frame, text="text", label="label"), *GRAVE, "note").keys() == {"RK-DATA-02"}
    parts = Tables(frame[100:], frame[:100], text="text", label="label")
    assert found(parts, *GRAVE, "note").keys() == {"RK-DATA-02"}


def test_a_split_of_sorted_rows() -> None:
    frame = reviews(400).sort("label")
    assert "other shares" in found(Tables(frame[:250], frame[250:], "text", "label"))["RK-DATA-03"].sentence
    three = pl.concat([frame, frame[:60].with_columns(label=pl.lit("unsure"))])
    assert "never has" in found(Tables(three[:400], three[400:], "text", "label"))["RK-DATA-03"].sentence


# Texts


@pytest.mark.parametrize(("L", "severity"), [(10, "warning"), (30, "note"), (80, None)])
def test_what_a_cut_takes_away(L: int, severity: str | None) -> None:
    finding = found(Tables(reviews(200), text="text", length=L), "warning", "note").get("RK-DATA-04")
    assert (finding and finding.severity) == severity
    if finding:
        assert finding.evidence["share_of_tokens_lost"] > 0.01
        assert finding.curve is not None


def test_words_of_another_source() -> None:
    train, test = reviews(200), reviews(100, seed=1)
    assert not found(Tables(train, test, text="text"), "warning", "note")
    foreign = test.with_columns(pl.col("text").str.replace_all("ba", "za"))
    assert found(Tables(train, foreign, text="text"))["RK-DATA-05"].evidence["share_of_test_tokens"] > 0.1


# Dates


def exchange(n: int = 600) -> list[date]:
    """Weekdays without a dozen holidays a year."""
    closed = np.random.default_rng(1).random(2 * n) < 0.05
    return [day for day, shut in zip(days(2 * n), closed, strict=True) if day.weekday() < 5 and not shut][:n]


def hours(n: int = 24 * 60) -> list[datetime]:
    return [datetime(2023, 1, 1) + timedelta(hours=t) for t in range(n)]


def seconds(after: np.ndarray) -> list[datetime]:
    return [datetime(2023, 1, 1) + timedelta(seconds=int(second)) for second in after]


SOUND_DATES: dict[str, list[Any]] = {
    "days": days(400),
    "exchange": exchange(),
    "two weeks of an exchange": exchange(14),
    "hours": hours(),
    "hours of an exchange": [h for h in hours() if h.weekday() < 5 and 9 <= h.hour < 16],
    "months": [date(2000 + m // 12, 1 + m % 12, 1) for m in range(100)],
    "ends of months": [date(2000 + m // 12, 1 + m % 12, 1) - timedelta(days=1) for m in range(100)],
    "years": [date(1900 + y, 12, 31) for y in range(60)],
    "weeks": days(700)[::7],
    "no grid at all": seconds(np.random.default_rng(0).exponential(5e3, 300).cumsum()),
    "a clock that shakes": seconds(60 * np.arange(500) + np.random.default_rng(0).integers(-4, 5, 500)),
    "many rows a day": [day for day in days(50) for _ in range(8)],
}


@pytest.mark.parametrize("name", SOUND_DATES)
def test_sound_dates(name: str) -> None:
    assert not found(dated(SOUND_DATES[name]), "fault", "warning", "note")


@pytest.mark.parametrize("name", ["days", "hours", "months", "hours of an exchange", "a clock that shakes"])
def test_gaps(name: str) -> None:
    dates = SOUND_DATES[name]
    lost = dates[:40] + dates[55:70] + dates[72:] if name != "hours of an exchange" else dates[:40] + dates[110:]
    finding = found(dated(lost))["RK-DATA-06"]
    assert finding.evidence["longest_gap"] >= 14
    assert finding.curve is not None


def test_an_exchange_closed_for_two_months() -> None:
    assert "RK-DATA-06" in found(dated(exchange()[:200] + exchange()[245:]))


@pytest.mark.parametrize("left_out", [(2, 29), (12, 25)])
def test_days_left_out_every_year_are_a_note(left_out: tuple[int, int]) -> None:
    kept = [day for day in days(1500) if (day.month, day.day) != left_out]
    assert not found(dated(kept))
    assert "RK-DATA-06" in found(dated(kept), "note")


def test_dates_twice_or_out_of_order() -> None:
    dates = days(200)
    assert found(dated(dates[:50] + dates[49:]))["RK-DATA-06"].severity == "fault"
    assert found(dated([*dates[:50], dates[60], *dates[50:60], *dates[61:]]))["RK-DATA-06"].severity == "fault"
    assert "newest to the oldest" in found(dated(dates[::-1]))["RK-DATA-06"].sentence
    frame = dated(dates).train
    equal = Tables(pl.concat([frame[:50], frame[49:]]), time="date")
    assert found(equal)["RK-DATA-06"].severity == "warning"


def test_each_group_has_its_own_dates() -> None:
    stores = [dated(days(200)).train.with_columns(store=pl.lit(n)) for n in range(3)]
    assert not found(Tables(pl.concat(stores), time="date", group="store"))
    stores[1] = pl.concat([stores[1][:50], stores[1][90:]])
    assert "group `1`" in found(Tables(pl.concat(stores), time="date", group="store"))["RK-DATA-06"].sentence


def test_what_a_split_takes_away_is_no_gap() -> None:
    frame = dated(days(400)).train
    drawn = np.random.default_rng(0).random(400) < 0.2
    assert not found(Tables(frame.filter(~drawn), frame.filter(drawn), time="date"))
    assert not found(Tables(frame[:300], frame[320:], time="date"))


def test_a_sunday_is_no_hour_of_summer_time() -> None:
    kept = [day for day in days(400) if day != date(2018, 3, 25)]
    assert "RK-DATA-06" in found(dated(kept))


def test_summer_time() -> None:
    clocks = hours(24 * 400)
    spring, autumn = datetime(2023, 3, 26, 2), datetime(2023, 10, 29, 2)
    local = [hour for hour in clocks if hour != spring]
    assert "summer time" in found(dated(local), "note")["RK-DATA-06"].sentence
    at = local.index(autumn)
    assert found(dated([*local[: at + 1], autumn, *local[at + 1 :]]))["RK-DATA-06"].severity == "warning"


def test_dates_in_two_forms() -> None:
    written = [day.isoformat() if n % 3 else day.strftime("%d/%m/%Y") for n, day in enumerate(days(100))]
    assert found(dated(written))["RK-DATA-06"].severity == "fault"
    for form in ("%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%b %d, %Y"):
        assert not found(dated([day.strftime(form) for day in days(100)]), "fault", "warning", "note")


# Units


@pytest.mark.parametrize("factor", [10, 1000, 1024, 1e-3, 1.609344, 0.4536, 0.5, 0.02])
def test_a_level_in_another_unit(factor: float) -> None:
    x = 100 + np.random.default_rng(2).normal(size=300)
    x[200:] *= factor
    finding = found(dated(days(300), x))["RK-DATA-07"]
    assert finding.evidence["row"] == 201
    assert finding.severity == ("fault" if factor in (10, 1000, 1024, 1e-3) else "warning")
    assert finding.curve is not None


def test_degrees_of_another_scale() -> None:
    x = 15 + np.random.default_rng(2).normal(size=300)
    x[120:] = 1.8 * x[120:] + 32
    assert "Fahrenheit" in found(dated(days(300), x))["RK-DATA-07"].sentence


def test_single_values_in_another_unit() -> None:
    x = walk(300)
    x[[50, 180]] *= 1000
    assert found(dated(days(300), x))["RK-DATA-07"].severity == "fault"
    generator = np.random.default_rng(0)
    heights = generator.normal(1.7, 0.1, 200)
    heights[::20] *= 100
    people = pl.DataFrame({"height": heights, "y": generator.integers(0, 2, 200)})
    assert "RK-DATA-07" in found(Tables(people, label="y"))


def _made(kind: str, generator: np.random.Generator, n: int) -> np.ndarray:
    t, noise = np.arange(n), generator.normal(size=n)
    made: dict[str, np.ndarray] = {
        "random walk": 100 * np.exp(noise.cumsum() * 0.015),
        "heavy tails": 100 * np.exp(generator.standard_t(3, n).cumsum() * 0.01),
        "crash": 100 * np.exp(noise.cumsum() * 0.01 - 0.6 * (t > n // 2)),
        "seasons": 12 + 10 * np.sin(t / 58) + noise,
        "around zero": noise,
        "growth": np.exp(0.02 * t + 0.1 * noise),
        "volume": np.exp(12 + 0.4 * noise),
        "counts": generator.poisson(3, n).astype(float),
        "incomes": np.exp(10 + 0.8 * noise),
        "on and off": np.where(t // 50 % 2, 1000.0, 10.0) * np.exp(0.05 * noise),
        "promotions": 100 * np.exp(0.1 * noise) * np.where(generator.random(n) < 0.03, generator.uniform(2, 8, n), 1),
        "sunshine": np.maximum(0, np.sin(t / 4)) * 800 * generator.random(n),
    }
    return made[kind]


@pytest.mark.parametrize("kind", ["random walk", "heavy tails", "crash", "seasons", "around zero", "growth", "volume",
                                  "counts", "incomes", "on and off", "promotions", "sunshine"])  # fmt: skip
def test_what_varies_by_itself_jumps_in_no_unit(kind: str) -> None:
    alarms = 0
    for seed in range(12):
        x = _made(kind, np.random.default_rng(seed), 400)
        alarms += "RK-DATA-07" in found(dated(days(400), x))
        alarms += "RK-DATA-07" in found(Tables(pl.DataFrame({"x": x[::-1], "y": [0, 1] * 200}), label="y"))
    assert not alarms


# Values


def test_constant_columns() -> None:
    frame = dated(days(100)).train.with_columns(humidity=0.0)
    assert found(Tables(frame, time="date"))["RK-DATA-08"].evidence["columns"] == ["humidity"]
    told = reviews(100).with_columns(split=pl.lit("train"))
    assert not found(Tables(told, text="text", label="label"))
    assert "RK-DATA-08" in found(Tables(told, text="text", label="label"), "note")


def test_missing_values() -> None:
    frame = dated(days(100)).train
    for nothing in (None, float("nan"), float("inf")):
        for count, severity in ((1, "note"), (5, "note"), (6, "warning")):
            spoilt = frame.with_columns(x=pl.when(pl.int_range(100) < count).then(nothing).otherwise(pl.col("x")))
            finding = found(Tables(spoilt, time="date"), *GRAVE, "note")["RK-DATA-09"]
            assert (finding.severity, finding.evidence["columns"]) == (severity, {"x": count})
    assert not found(Tables(reviews(100).with_columns(note=None), text="text", label="label"))


def test_empty_texts_and_labels() -> None:
    assert found(texts("", " "))["RK-DATA-09"].evidence["rows"] == 2
    assert found(texts("nan", "NaN"))["RK-DATA-09"].evidence["rows"] == 2
    frame = reviews(100)
    frame[3, "label"] = None
    assert found(Tables(frame, text="text", label="label"))["RK-DATA-09"].severity == "fault"


@pytest.mark.parametrize("value", [-999.0, 9999.0, -99999.0])
def test_numbers_that_stand_for_nothing(value: float) -> None:
    x = walk(300)
    x[[20, 21, 90]] = value
    finding = found(dated(days(300), x))["RK-DATA-09"]
    assert (finding.severity, finding.evidence["value"], finding.evidence["rows"]) == ("fault", value, 3)


def test_such_a_number_among_its_like_stands_for_itself() -> None:
    generator = np.random.default_rng(0)
    prices = np.round(np.exp(generator.normal(6.5, 1, 500)))
    prices[:5] = [999, 999, 9999, 999, 99]
    assert not found(Tables(pl.DataFrame({"price": prices, "sold": generator.integers(0, 2, 500)}), label="sold"))


def test_a_slip_among_numbers(tmp_path: Path) -> None:
    rows = "".join(f"{day},{value:.2f}\n" for day, value in zip(days(60), walk(60), strict=True))
    (tmp_path / "a.csv").write_text("date,price\n" + rows + '2018-03-02,"1,024.50"\n')
    assert "1,024.50" in found(tables.read(tmp_path / "a.csv"))["RK-DATA-09"].sentence


# Whole data sets


def test_our_own_sets_are_quiet(tmp_path: Path) -> None:
    assert not found(Tables(kospi.load(), time="Date"), "fault", "warning", "note")
    kospi.load().write_csv(tmp_path / "kospi.csv")
    assert not found(tables.read(tmp_path / "kospi.csv"), "fault", "warning", "note")
    parts = [nsmc.load(part, sample=True) for part in ("train", "test")]
    frames = [pl.DataFrame({"text": part.texts, "label": part.labels}) for part in parts]
    assert not found(Tables(*frames, text="text", label="label"))


@pytest.mark.data
def test_published_sets_are_quiet() -> None:
    from rekur.data.datasets import imdb, mnist

    frames = [pl.read_parquet(imdb.path(part))[::10] for part in ("train", "test")]
    assert not found(Tables(*frames, text="text", label="label"))
    assert not found(Tables(pl.DataFrame({"label": mnist.load("train")[1]}), label="label"), "fault", "warning", "note")
