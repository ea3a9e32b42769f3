"""BLEU and chrF from summed counts are sacrebleu's, and so can be resampled and tested in pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.errors import ConfigError, DataError, ShapeError
from rekur.evaluation import bleu, intervals, outcomes, verdict

sacrebleu = pytest.importorskip("sacrebleu")

sentence = st.lists(st.sampled_from(["the", "a", "cat", "dog", "sleeps", "runs", ".", ","]), max_size=9).map(" ".join)
pairs = st.lists(st.tuples(sentence, sentence.filter(bool)), min_size=1, max_size=5)


@given(pairs)
def test_sums_of_counts_give_sacrebleus_figures(found):
    written, references = map(list, zip(*found, strict=True))
    ours = outcomes.translation(written, references, tokenised=True)
    theirs = sacrebleu.corpus_bleu(written, [references], tokenize="none", lowercase=True, force=True)
    assert ours.metrics["bleu"] == pytest.approx(theirs.score, abs=1e-9)
    assert ours.metrics["chrf"] == pytest.approx(sacrebleu.corpus_chrf(written, [references]).score, abs=1e-9)


@given(pairs)
def test_the_items_are_sacrebleus_bleu_of_a_sentence(found):
    written, references = map(list, zip(*found, strict=True))
    ours = outcomes.translation(written, references, tokenised=True)
    for text, reference, item in zip(written, references, ours.items, strict=True):
        theirs = sacrebleu.sentence_bleu(text, [reference], tokenize="none", use_effective_order=True)
        assert item == pytest.approx(theirs.score, abs=1e-9)


def test_raw_text_is_cut_by_13a_and_the_signature_says_how():
    ours = outcomes.translation(["A cat, asleep."], ["a cat , asleep ."], tokenised=False)
    assert ours.metrics["bleu"] == pytest.approx(100)
    assert "tok:13a" in ours.signatures["bleu"]
    assert "case:lc" in ours.signatures["bleu"]
    cut = outcomes.translation(["a cat , asleep ."], ["a cat , asleep ."], tokenised=True)
    assert "tok:none" in cut.signatures["bleu"]


REFERENCES = [
    f"a {colour} {animal} sleeps near the {place} today ."
    for colour in ("red", "old", "big")
    for animal in ("cat", "dog", "cow")
    for place in ("house", "lake", "door")
]
BETTER = [text.replace("near", "at") if n % 3 else text for n, text in enumerate(REFERENCES)]
WORSE = [
    text.replace("sleeps", "runs").replace("the", "a") if n % 2 else text.replace("near", "at")
    for n, text in enumerate(REFERENCES)
]


def test_an_interval_holds_the_corpus_figure_and_is_of_the_corpus():
    ours = outcomes.translation(WORSE, REFERENCES, tokenised=True)
    for metric in ("bleu", "chrf"):
        low, high = intervals.interval_of(ours, metric)
        assert low < ours.metrics[metric] < high


def test_a_resample_is_scored_as_a_corpus_of_its_own():
    ours = outcomes.translation(WORSE, REFERENCES, tokenised=True)
    columns, statistic = intervals.form("bleu")
    rows = np.random.default_rng(3).integers(0, len(WORSE), len(WORSE))
    drawn = outcomes.translation([WORSE[n] for n in rows], [REFERENCES[n] for n in rows], tokenised=True)
    assert statistic(columns(ours)[rows].mean(0)[None])[0] == pytest.approx(drawn.metrics["bleu"])


def test_the_paired_bootstrap_tells_two_translators_apart_and_one_from_itself_not():
    ours, theirs = (outcomes.translation(texts, REFERENCES, tokenised=True) for texts in (BETTER, WORSE))
    found = verdict.versus(ours, {"worse": theirs}, "bleu", True, "bootstrap")
    assert found["verdict"] == "better"
    assert found["difference"] == pytest.approx(ours.metrics["bleu"] - theirs.metrics["bleu"])
    assert verdict.versus(ours, {"same": ours}, "bleu", True, "bootstrap")["verdict"] == "not distinguishable"


def test_what_cannot_be_scored():
    with pytest.raises(DataError, match="no sentence"):
        outcomes.translation([], [], tokenised=True)
    with pytest.raises(ShapeError):
        outcomes.translation(["a"], ["a", "b"], tokenised=True)


def test_without_sacrebleu_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(bleu.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install rekur\[translate\]"):
        bleu.require()
