"""Tags scored: spans by conlleval's rule, and intervals that draw whole sentences."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data.ragged import Ragged
from rekur.errors import DataError
from rekur.evaluation import intervals, names, paired, tagging, verdict
from rekur.evaluation.tagging import spans

TAGS = ["O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B"]


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (["B-A", "I-A", "O"], [(0, 2, "A")]),
        (["B-A", "B-A"], [(0, 1, "A"), (1, 2, "A")]),
        (["I-A", "I-A"], [(0, 2, "A")]),  # nothing before: an I begins
        (["B-A", "I-B", "I-B"], [(0, 1, "A"), (1, 3, "B")]),  # of another kind
        (["O", "I-A", "O", "I-A"], [(1, 2, "A"), (3, 4, "A")]),
        (["B-A", "E-A", "I-A"], [(0, 2, "A"), (2, 3, "A")]),  # behind an end
        (["B-A", "E-A", "E-A"], [(0, 2, "A"), (2, 3, "A")]),
        (["S-A", "S-A", "I-A"], [(0, 1, "A"), (1, 2, "A"), (2, 3, "A")]),
        (["E-A"], [(0, 1, "A")]),
        (["B-A", "I-A", "E-A"], [(0, 3, "A")]),
        (["B-NAME-X", "I-NAME-X"], [(0, 2, "NAME-X")]),
        (["O", "O"], []),
        ([], []),
    ],
)
def test_spans_begin_and_end_by_the_rule(tags, found):
    assert spans(tags) == found


@given(st.lists(st.sampled_from(TAGS), max_size=8))
def test_every_tag_but_o_is_in_exactly_one_span_of_its_kind(tags):
    covered = {}
    for begin, end, kind in spans(tags):
        assert begin < end
        for t in range(begin, end):
            assert t not in covered
            covered[t] = kind
    assert covered == {t: tag.partition("-")[2] for t, tag in enumerate(tags) if tag != "O"}


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("AB")), max_size=4))
def test_what_is_written_in_bio_is_read_again(pieces):
    tags, expected = [], []
    for gap, kind in pieces:
        tags += ["O"] * gap
        expected.append((len(tags), len(tags) + gap + 1, kind))
        tags += [f"B-{kind}"] + [f"I-{kind}"] * gap
    assert spans(tags) == expected


def test_the_figures_are_those_counted_by_hand():
    names = ["B-A", "I-A", "O"]
    truth = Ragged.of([[0, 1, 2, 0], [2, 2], [0]])
    said = Ragged.of([[0, 2, 2, 0], [2, 2], [2]])
    found = tagging.tokens(truth, said, names).metrics
    assert found["token_accuracy"] == pytest.approx(5 / 7)
    assert found["sentence_accuracy"] == pytest.approx(1 / 3)
    assert found["span_precision"] == pytest.approx(1 / 2)  # the second name alone is right; the first is cut short
    assert found["span_recall"] == pytest.approx(1 / 3)
    assert found["span_f1"] == pytest.approx(2 / 5)


def test_kinds_add_up_to_all_spans():
    truth, said = [["B-A", "O", "B-B"], ["B-B"]], [["B-A", "B-B", "O"], ["B-B"]]
    rows = tagging.of_each_kind(truth, said)
    assert rows == [{"label": "A", "true": 1, "said": 1, "right": 1}, {"label": "B", "true": 2, "said": 2, "right": 1}]


def test_tags_of_parts_of_speech_mark_no_spans():
    assert not tagging.in_spans(["X", "NOUN", "O"])
    assert not tagging.in_spans(["O"])
    assert "span_f1" not in tagging.tokens(Ragged.of([[0]]), Ragged.of([[0]]), ["NOUN"]).metrics


def drawn(seed, wrong):
    """Sentences of 1 to 30 words in which all words are wrong, or none: as dependent as words can be."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, 31, 80)
    truth = Ragged.from_lengths(np.ones(lengths.sum(), np.int64), lengths)
    fails = np.repeat(generator.random(80) < wrong, lengths)
    return truth, truth.map(lambda values: np.where(fails, 2, values))


def test_the_interval_is_as_wide_as_sentences_make_it():
    names = ["O", "B-A", "I-A"]
    found = tagging.tokens(*drawn(1, 0.3), names)
    for metric in ("token_accuracy", "span_f1", "sentence_accuracy"):
        low, high = intervals.interval_of(found, metric)
        assert low < found.metrics[metric] < high
    low, high = intervals.interval_of(found, "token_accuracy")
    p, n = found.metrics["token_accuracy"], found.details["steps"].sum()
    of_free_words = 2 * 1.96 * np.sqrt(p * (1 - p) / n)
    assert high - low > 2 * of_free_words  # were words drawn one by one, it would be far too narrow


@pytest.mark.parametrize("metric", ["token_accuracy", "span_f1", "sentence_accuracy"])
def test_a_paired_test_finds_a_difference_and_none_where_there_is_none(metric):
    names = ["O", "B-A", "I-A"]
    good, bad = (tagging.tokens(*drawn(2, wrong), names) for wrong in (0.1, 0.5))
    found = verdict.versus(good, {"rival": bad}, metric, True, "bootstrap")
    assert found["verdict"] == "better"
    assert found["difference"] == pytest.approx(good.metrics[metric] - bad.metrics[metric])
    assert verdict.versus(good, {"itself": good}, metric, True, "bootstrap")["verdict"] == "not distinguishable"
    assert paired.paired_bootstrap(good.items, bad.items).difference > 0


def test_frames_count_whole_readings():
    found = tagging.frames(Ragged.of([[1, 1], [2]]), Ragged.of([[1, 0], [2]]), np.array([False, True]))
    assert found.metrics == {"frame_accuracy": pytest.approx(2 / 3), "string_accuracy": 0.5}
    low, high = intervals.interval_of(found, "frame_accuracy")
    assert low <= 2 / 3 <= high


def test_every_figure_has_a_name_and_a_unit():
    outcomes = (
        tagging.tokens(Ragged.of([[0]]), Ragged.of([[0]]), ["B-A"]),
        tagging.frames(Ragged.of([[0]]), Ragged.of([[0]]), np.array([True])),
    )
    assert all(names.METRICS[metric].unit for outcome in outcomes for metric in outcome.metrics)


def test_sentences_must_fit_and_hold_words():
    with pytest.raises(DataError, match="no sentence without a word"):
        tagging.tokens(Ragged.of([[0], []]), Ragged.of([[0], []]), ["A"])
    with pytest.raises(DataError, match="same number of tokens"):
        tagging.tokens(Ragged.of([[0], [0, 0]]), Ragged.of([[0, 0], [0]]), ["A"])


def test_examples():
    assert doctest.testmod(tagging).failed == 0
