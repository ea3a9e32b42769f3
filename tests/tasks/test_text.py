"""The task of classifying texts: splits, padding, and the evidence a text may read of itself."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from rekur import config, tasks
from rekur.data.ragged import Ragged
from rekur.errors import ConfigError, DataError
from rekur.evidence import Ballot, Evidence

SMALL = {"data.max_train": 300, "data.max_test": 60, "training.batch": 16}


def task(**changes):
    made = tasks.create(config.override(config.load("nsmc-sample"), {**SMALL, **changes}), seed=1)
    made.load()
    return made


def test_the_vocabulary_is_fitted_on_training_texts_alone_unless_the_recipe_says_so():
    alone, leaky = task(), task(**{"data.vocabulary_on": "all"})
    seen = set("".join(alone.texts["train"].to_list()))
    assert set(alone.coding.vocabulary.words[2:]) <= seen
    assert leaky.coding.size > alone.coding.size


def test_no_review_is_in_two_parts():
    made = task()
    parts = [made.labels[part] for part in ("train", "validation", "test")]
    assert [len(labels) for labels in parts] == [270, 30, 60]


def test_a_masked_model_does_not_see_the_other_texts_of_its_batch():
    made = task()
    model = made.build().eval()
    alone = made.predict(model, ["재밌다"])
    beside = made.predict(model, ["재밌다", "정말 길고 긴 글이다 " * 10])
    assert alone[0]["probability"]["positive"] == pytest.approx(beside[0]["probability"]["positive"], abs=1e-6)


def test_an_unmasked_model_does():
    made = task(**{"data.mask": False, "model.readout": "last_step", "model.bidirectional": False})
    model = made.build().eval()
    alone = made.predict(model, ["재밌다"])
    beside = made.predict(model, ["재밌다", "정말 길고 긴 글이다 " * 10])
    assert alone[0]["probability"]["positive"] != pytest.approx(beside[0]["probability"]["positive"], abs=1e-6)


def test_segments_pool_over_the_whole_text_and_over_nothing_else():
    made = task(**{"model.segment": 7})
    model = made.build().eval()
    text = "아주 재미있는 영화였다 다시 보고 싶다"
    beside = made.predict(model, [text, "길다 " * 40])[0]
    assert made.predict(model, [text])[0]["probability"]["positive"] == pytest.approx(
        beside["probability"]["positive"], abs=1e-6
    )


def test_probabilities_come_back_in_the_order_of_the_texts():
    made = task()
    model = made.build().eval()
    found = made.probabilities(model, "test")
    for row in (0, 17, 59):
        one = made.predict(model, [made.texts["test"][row]])[0]["probability"]["positive"]
        assert found[row, 1] == pytest.approx(one, abs=1e-6)


def test_a_text_of_100000_tokens_is_predicted_and_one_of_none_refused():
    made = task()
    model = made.build().eval()
    assert 0 <= made.predict(model, ["가" * 100_000])[0]["probability"]["positive"] <= 1
    with pytest.raises(DataError, match="Text 2 of 2"):
        made.predict(model, ["가", ""])
    with pytest.raises(DataError, match="must be a string"):
        made.predict(model, [3])


# units

UNITS = ("words", "spaces", "written", "characters", "jamo", "morphemes", "bpe", "unigram")


def of_unit(unit):
    size = 1500 if unit in ("bpe", "unigram") else 0
    return task(**{"data.tokenizer": unit, "data.max_words": size, "data.length": 0, "data.min_count": 1})


@pytest.mark.parametrize("unit", UNITS)
def test_composed_and_decomposed_texts_are_predicted_alike(unit):
    made = of_unit(unit)
    model = made.build().eval()
    texts = ["정말 재밌는 영화였다 ㅋㅋ", "값이 아깝다, café도 별로"]
    composed, apart = ([unicodedata.normalize(form, text) for text in texts] for form in ("NFC", "NFD"))
    assert composed != apart
    assert made.predict(model, composed) == made.predict(model, apart)


@pytest.mark.parametrize("unit", UNITS)
def test_a_character_never_seen_is_read_and_an_empty_text_refused(unit):
    made = of_unit(unit)
    model = made.build().eval()
    assert 0 <= made.predict(model, ["龘龘"])[0]["probability"]["positive"] <= 1
    with pytest.raises(DataError, match="Text 1 of 1"):
        made.predict(model, ["" if unit in ("characters", "jamo") else " "])


@pytest.mark.parametrize("unit", ["jamo", "bpe"])
def test_a_unit_travels_with_the_run(unit):
    made = of_unit(unit)
    model = made.build().eval()
    again = tasks.create(made.config, seed=1)
    again.restore(made.files())
    assert again.coding == made.coding
    assert again.predict(model, ["재밌다"]) == made.predict(model, ["재밌다"])


def test_fewer_subwords_than_asked_for_are_a_warning():
    made = task(**{"data.tokenizer": "bpe", "data.max_words": 30_000})
    assert "30000 were asked for" in made.warnings[0]


def test_an_unknown_unit_gets_the_nearest():
    with pytest.raises(DataError, match="Did you mean `jamo`"):
        task(**{"data.tokenizer": "jammo"})


# evidence

TEXTS = [[2, 3, 4], [2, 3], [5, 3, 4], [5, 6], [2, 6, 7], [5, 3]]
LABELS = np.array([1, 1, 0, 0, 1, 0])


def fitted(folds=None, least=1, order=2):
    tokens = Ragged.of(TEXTS)
    return Evidence.fit(tokens, LABELS, order, least, np.arange(6) % 2 if folds is None else np.array(folds))


def ratio(positive, negative):
    return np.log((1 + positive) / (1 + negative))


def test_evidence_is_the_log_count_ratio_of_texts_with_the_ngram():
    evidence, _ = fitted()
    found = evidence(torch.tensor([[2, 3, 4]]))[0]
    words, pairs = found[:, 0], found[:, 1]
    np.testing.assert_allclose(words, [ratio(3, 0), ratio(2, 2), ratio(1, 1)], rtol=1e-6)
    np.testing.assert_allclose(pairs, [0, ratio(2, 0), ratio(1, 1)], rtol=1e-6)


def test_a_training_text_reads_evidence_without_its_own_fold():
    _, read = fitted(folds=[0, 1, 0, 1, 0, 1])
    words = read[:3, 0]  # the text [2, 3, 4] of fold 0 reads what texts 1, 3 and 5 say
    np.testing.assert_allclose(words, [ratio(1, 0), ratio(1, 1), ratio(0, 0)], rtol=1e-6)


def test_a_label_does_not_reach_its_own_text():
    folds = [0, 1, 2, 3, 4, 5]
    _, before = fitted(folds=folds)
    flipped = LABELS.copy()
    flipped[0], flipped[2] = 0, 1  # the prior stays as it is
    _, after = Evidence.fit(Ragged.of(TEXTS), flipped, 2, 1, np.array(folds))
    tokens = Ragged.of(TEXTS)
    lone = slice(tokens.offsets[3] + 1, tokens.offsets[4])  # the step of [5, 6] that no changed text shares
    np.testing.assert_array_equal(before[lone], after[lone])
    assert not np.array_equal(before, after)


def test_rare_ngrams_and_those_never_seen_say_nothing():
    evidence, _ = fitted(least=2)
    found = evidence(torch.tensor([[7, 9, 2]]))[0]
    assert found[:2].abs().max() == 0
    assert found[2, 0] != 0


def test_evidence_travels_with_the_weights():
    made = task(**{"model.evidence": 3})
    model = made.build().eval()
    again = tasks.create(made.config, seed=1)
    again.restore(made.files())
    other = again.build().eval()
    other.load_state_dict(model.state_dict())
    assert again.predict(other, ["재밌다"]) == made.predict(model, ["재밌다"])


def test_of_three_classes_each_has_ratios_against_the_rest():
    labels = np.array([0, 1, 2, 0, 1, 2])
    evidence, read = Evidence.fit(Ragged.of(TEXTS), labels, 2, 1, np.arange(6) % 2, 3)
    found = evidence(torch.tensor([[2, 3, 4]]))[0].view(3, 2, 3)  # step, order, class
    holds = np.array([2 in text for text in TEXTS])
    for c in range(3):
        mine, others = (holds & (labels == c)).sum(), (holds & (labels != c)).sum()
        expected = np.log((1 + mine) / (1 + others)) - np.log((2 + 1) / (4 + 1))
        assert float(found[0, 0, c]) == pytest.approx(expected, rel=1e-5)
    assert read.shape == (sum(map(len, TEXTS)), 6)


def test_the_evidence_of_three_classes_predicts_alike_without_torch(tmp_path):
    from rekur import inference
    from rekur.architecture import check

    rows = [(f"{word} 있다 {n % 7}", label) for n in range(20) for label, word in enumerate(("봄", "여름", "가을"))]
    pl.DataFrame(rows, schema=["text", "label"], orient="row").write_csv(tmp_path / "a.csv")
    own = {"data.set": "files", "data.path": str(tmp_path / "a.csv"), "data.split": "stratified"}
    made = task(**own, **{"data.max_train": 0, "data.max_test": 0, "model.evidence": 2, "model.ballot": True})
    torch.manual_seed(1)
    model = made.build()
    torch.nn.init.normal_(model.ballot.weight)
    made.step(model, np.arange(8), None).loss.backward()
    assert model.ballot.weight.grad.shape == (made.n_grams, 3)
    weights = {name: tensor.numpy() for name, tensor in model.eval().state_dict().items()}
    check(made.architecture().weights(), weights, tmp_path)
    texts = ["봄 있다", "가을 여름 1"]
    fast = made.predict(inference.make(made.architecture(), weights), texts)
    for one, other in zip(made.predict(model, texts), fast, strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-6)


def test_one_class_is_refused_before_training(monkeypatch):
    from rekur.data.datasets import nsmc
    from rekur.data.text import Texts

    same = Texts(pl.Series(["가", "나", "다", "라"]), np.zeros(4, dtype=np.int64))
    monkeypatch.setattr(nsmc, "load", lambda *_, **__: same)
    with pytest.raises(DataError, match="two classes"):
        task()


# the ballot


def test_a_vote_counts_each_ngram_of_the_text_once():
    evidence, _ = fitted()
    ballot = Ballot(evidence, dropout=0.0).eval()
    ids = torch.tensor([[2, 3, 2, 3]])  # 2, 3, the pair 2 3, and the pair 3 2 that nobody knows
    votes = 0.3 * (ratio(3, 0) + ratio(2, 2) + ratio(2, 0)) / np.sqrt(3)
    assert float(ballot(ids).detach()) == pytest.approx(votes, rel=1e-5)


def test_padding_does_not_vote():
    evidence, _ = fitted()
    ballot = Ballot(evidence, dropout=0.0).eval()
    alone = ballot(torch.tensor([[2, 3]])).detach()
    padded = ballot(torch.tensor([[2, 3, 5, 6]]), torch.tensor([2])).detach()
    torch.testing.assert_close(alone, padded)


def test_both_parts_are_judged_in_training_and_averaged_after_it():
    made = task(**{"model.evidence": 2, "model.ballot": True})
    torch.manual_seed(1)
    model = made.build()
    rows = np.arange(16)
    inputs, lengths = made.inputs("train", rows)
    both = model.eval()(inputs, lengths)[0]
    assert both.shape == (16, 2)
    assert model.train()(inputs, lengths)[0].shape == (32, 2)
    step = made.step(model, rows, None)
    step.loss.backward()
    assert step.count == 16
    assert model.ballot.weight.grad.abs().sum() > 0
    assert model.model.head[0].weight.grad.abs().sum() > 0


def test_a_ballot_without_evidence_is_refused():
    with pytest.raises(ConfigError, match=r"needs model\.evidence"):
        task(**{"model.ballot": True, "model.evidence": 0}).build()


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_step_reads_the_evidence_of_its_own_token(side, mask):
    made = task(**{"data.side": side, "data.mask": mask, "data.length": 12})
    made.read = Ragged(np.repeat(made.tokens["train"].values[:, None], 4, axis=1).astype(np.float32), made.read.offsets)
    by_length = np.argsort(made.tokens["train"].lengths)
    (ids, ratios), _ = made.training_inputs(by_length[[0, 9, -1]])
    assert (ids == 0).any()  # there is padding to go astray
    np.testing.assert_array_equal(ratios[..., 0], ids)


@pytest.mark.parametrize("features", [0, -1, 2.5, True, "9", 10**12])
def test_evidence_that_no_run_can_have_is_refused(features):
    made = task()
    with pytest.raises(DataError, match=r"evidence\.json"):
        tasks.create(made.config, seed=1).restore({**made.files(), "evidence.json": json.dumps({"features": features})})


def test_restoring_evidence_takes_no_memory_before_the_weights_are_known():
    made = task()
    again = tasks.create(made.config, seed=1)
    again.restore({**made.files(), "evidence.json": json.dumps({"features": 50_000_000})})
    assert again.evidence is None
    with torch.device("meta"):
        weights = again.build().state_dict()
    assert weights["embed.evidence.keys"].shape == (50_000_000,)


def test_an_output_without_a_label_is_left_out_of_predictions_and_wrong_in_the_test():
    made = task(**{"data.classes": 3, "model.evidence": 0})
    folded = made.describe(np.array([[0.2, 0.1, 0.7], [0.0, 0.0, 1.0]]))
    assert folded[0]["prediction"] == "negative"
    assert folded[0]["probability"] == pytest.approx({"negative": 2 / 3, "positive": 1 / 3})
    assert folded[1]["probability"] == {"negative": 0.5, "positive": 0.5}
    model = made.build().eval()
    model.head[-1].bias.data[:] = torch.tensor([0.0, 0.0, 99.0])
    assert made.test(model).outcome.metrics["accuracy"] == 0
    assert sum(made.predict(model, ["재밌다"])[0]["probability"].values()) == pytest.approx(1)


def test_a_long_text_does_not_widen_the_batch_of_the_short_ones(monkeypatch):
    made = task(**{"data.length": 0})
    model = made.build().eval()
    texts = ["재밌다"] * 30 + ["가" * 100_000] + ["별로다 정말"] * 33
    sizes = []
    probability = made._probability
    monkeypatch.setattr(made, "_probability", lambda *a: (sizes.append(tuple(a[1].shape)), probability(*a))[1])
    found = made.predict(model, texts)
    assert max(rows * steps for rows, steps in sizes) == 100_000
    assert sum(rows for rows, _ in sizes) == 64
    for row in (0, 30, 63):
        alone = made.predict(model, [texts[row]])[0]["probability"]["positive"]
        assert found[row]["probability"]["positive"] == pytest.approx(alone, abs=1e-6)


# files of one's own

OWN = {
    "data.set": "files",
    "data.split": "stratified",
    "data.text": "review",
    "data.tokenizer": "words",
    "data.max_train": 0,
    "data.max_test": 0,
    "model.evidence": 0,
}


def reviews(count, seed=0):
    rng = np.random.default_rng(seed)
    words = np.array([f"word{n}" for n in range(300)])
    return pl.DataFrame(
        {
            "review": [" ".join(rng.choice(words, 30)) for _ in range(count)],
            "label": rng.choice(["a", "b", "c"], count),
            "who": rng.integers(0, count // 4, count),
        }
    )


@pytest.mark.parametrize("form", ["csv", "csv.gz", "tsv", "jsonl", "parquet"])
def test_a_file_read_in_batches_gives_what_it_gives_whole(tmp_path, monkeypatch, form):
    import gzip

    from rekur.data import sources
    from rekur.tasks import own_texts

    monkeypatch.setattr(sources, "BATCH", 37)
    monkeypatch.setattr(own_texts, "SAMPLED", 1e9)  # the vocabulary of all texts, so that ids compare
    frame, path = reviews(200), tmp_path / f"a.{form}"
    frame[3, "review"] = None
    frame[5, "label"] = ""
    if form == "parquet":
        frame.with_columns(pl.col("label").replace("", None)).write_parquet(path)
    elif form == "jsonl":
        frame.with_columns(pl.col("label").replace("", None)).write_ndjson(path)
    else:
        plain = frame.write_csv(separator="\t" if form == "tsv" else ",", quote_style="never").encode()
        path.write_bytes(gzip.compress(plain) if form == "csv.gz" else plain)
    whole = task(**OWN, **{"data.path": str(path)})
    monkeypatch.setattr(own_texts, "MEGABYTE", 1)
    batched = task(**OWN, **{"data.path": str(path)})
    assert type(batched.tokens["train"].values) is np.memmap
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(batched.labels[part], whole.labels[part])
        np.testing.assert_array_equal(batched.tokens[part].values, whole.tokens[part].values)
        np.testing.assert_array_equal(batched.tokens[part].offsets, whole.tokens[part].offsets)
    assert "2 of 200 rows have no `review` or no `label`" in whole.warnings[0]
    assert "read in batches" in batched.warnings[1]
    assert sum(map(len, whole.labels.values())) == 198


def test_copies_and_groups_never_stand_in_two_parts(tmp_path):
    frame = pl.concat([reviews(100), reviews(100)])
    frame.write_csv(tmp_path / "a.csv")
    made = task(**OWN, **{"data.path": str(tmp_path / "a.csv")})
    held = [set(made.texts[part].to_list()) for part in ("train", "validation", "test")]
    assert sum(map(len, held)) == 100
    grouped = {**OWN, "data.split": "grouped", "data.group": "who", "data.path": str(tmp_path / "a.csv")}
    who = dict(zip(frame["review"], frame["who"], strict=True))
    made = task(**grouped)
    held = [{who[text] for text in made.texts[part].to_list()} for part in ("train", "validation", "test")]
    assert sum(map(len, held)) == len(set().union(*held))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say how much memory was held")
def test_a_large_file_takes_little_memory(tmp_path):
    import subprocess
    import sys

    rng, words = np.random.default_rng(0), [f"word{n}" for n in range(3000)]
    with (tmp_path / "a.csv").open("w") as file:
        file.write("review,label\n")
        for _ in range(500):  # 24 MB
            some = " ".join(rng.choice(words, 3000))
            file.write(f"{some},a\n{some[9:]} end,b\n")
    settings = {**OWN, "data.path": str(tmp_path / "a.csv"), "data.length": 50}
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from rekur import config, tasks\n"
        "def peak(): return int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) / 1e3\n"
        f"changes = {settings!r} | {{'data.memory': int(sys.argv[1])}}\n"
        "made = tasks.create(config.override(config.load('nsmc-sample'), changes))\n"
        "import polars, numpy, rekur.tasks.own_texts; before = peak()\n"
        "made.load(); print(peak() - before)\n"
    )
    taken = [
        float(subprocess.run([sys.executable, "-c", script, memory], capture_output=True, check=True, text=True).stdout)
        for memory in ("1", "500")
    ]
    assert taken[0] < 0.7 * taken[1], taken


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data.path": ""}, r"data\.path"),
        ({"data.split": "holdout"}, r'data\.split: "holdout" is not for'),
        ({"data.label": "lable"}, "no column `lable`"),
        ({"data.unit": True}, "two classes apart; there are 3"),
    ],
)
def test_settings_of_own_files_that_do_not_fit_are_refused(tmp_path, changes, message):
    reviews(40).write_csv(tmp_path / "a.csv")
    with pytest.raises((ConfigError, DataError), match=message):
        task(**{**OWN, "data.path": str(tmp_path / "a.csv"), **changes})


def test_a_path_beside_a_named_set_is_refused():
    with pytest.raises(ConfigError, match=r"data\.path is read with"):
        task(**{"data.path": "a.csv"})
