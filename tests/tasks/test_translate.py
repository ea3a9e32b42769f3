"""The task of translating: what is read and written, what is refused, and that torch is not needed to predict."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import rekur
from rekur import config, engine, inference, tasks
from rekur.config import Config
from rekur.errors import ConfigError, DataError
from rekur.notation import END, PAD, START, UNKNOWN
from rekur.runs import Run
from rekur.search import Written
from rekur.tasks.base import Step

native = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
RECIPES = ["multi30k-seq2seq", "multi30k-attention", "multi30k-best"]


def settings(name: str = "multi30k-attention", **changes: object) -> Config:
    recipe = config.load(name)
    return config.override(recipe, {**recipe.smoke, "training.precision": "highest", **changes})


def task(name: str = "multi30k-attention", **changes: object):
    made = tasks.create(settings(name, **changes), seed=1)
    made.load()
    return made


def model_of(made) -> torch.nn.Module:
    torch.manual_seed(2)
    model = made.build()
    for weight in model.parameters():  # wide and never zero: something left out must show
        torch.nn.init.uniform_(weight, -0.5, 0.5)
    return model.eval()


def without_torch(made, model):
    return inference.make(made.architecture(), {n: w.detach().numpy() for n, w in model.state_dict().items()})


def test_the_decoder_reads_a_word_behind_what_it_writes():
    made = task()
    source, lengths, read, target = made.text.batch("train", np.array([4, 9]))
    _, targets = made.text.ids["train"]
    for row, n in enumerate((4, 9)):
        words = targets[n].tolist()
        T = len(words) + 1
        assert read[row, :T].tolist() == [START, *words]
        assert target[row, :T].tolist() == [*words, END]
        assert not target[row, T:].any()
        assert source[row, : lengths[row]].tolist() == made.text.ids["train"][0][n].tolist()
    assert PAD == 0


def test_the_vocabularies_are_fitted_on_training_pairs_alone():
    made = task()
    seen = {word for words in made.text.words["train"][0] for word in words}
    assert set(made.text.source.vocabulary.words[4:]) == seen
    assert all(refit.used == refit.train_only for refit in made.refits())
    assert [refit.what for refit in made.refits()] == ["source vocabulary", "target vocabulary"]
    assert [refit.what for refit in task("multi30k-best").refits()] == ["vocabulary"]


def test_a_step_counts_words_and_padding_has_no_part_in_the_loss():
    made = task()
    model, rows = model_of(made), np.arange(6)
    step = made.step(model, rows, None)
    assert step.count == sum(len(made.text.ids["train"][1][n]) + 1 for n in rows)
    parts = [made.step(model, rows[n : n + 1], None) for n in range(6)]
    mean = sum(float(part.loss.detach()) * part.count for part in parts) / step.count
    assert float(step.loss.detach()) == pytest.approx(mean, rel=1e-5)


def test_a_translation_does_not_depend_on_what_else_is_translated():
    made = task()
    model = model_of(made)
    sentences = ["Ein Hund.", "Eine alte Frau schreibt einen Brief am Fenster, und ein Mann liest.", "Das Kind singt."]
    together = made.predict(model, sentences)
    for sentence, found in zip(sentences, together, strict=True):
        alone = made.predict(model, [sentence])[0]
        assert alone["words"] == found["words"]
        assert alone["log_probability"] == pytest.approx(found["log_probability"], abs=1e-4)


@native
@pytest.mark.parametrize("name", RECIPES)
def test_it_predicts_without_torch_what_it_predicts_with_it(name):
    made = task(name)
    model = model_of(made)
    network = without_torch(made, model)
    sentences = ["Ein Mann liest.", "Zwei Hunde laufen über die Straße, und der Koch trinkt Kaffee."]
    for ours, theirs in zip(made.predict(network, sentences), made.predict(model, sentences), strict=True):
        assert ours["words"] == theirs["words"]
        assert ours["log_probability"] == pytest.approx(theirs["log_probability"], abs=1e-3)


def test_source_words_are_read_backwards_and_attention_points_to_where_they_stood():
    forwards, backwards = task(), task(**{"data.reverse": True})
    (ahead, _), (back, _) = forwards.text.ids["train"], backwards.text.ids["train"]
    assert all(a.tolist() == b.tolist()[::-1] for a, b in zip(ahead, back, strict=True))
    looked = Written([5], -1.0, np.array([[0.1, 0.2, 0.7, 0.0]]), False)
    assert backwards._forwards(looked, 3).attention.tolist() == [[0.7, 0.2, 0.1]]
    assert forwards._forwards(looked, 3).attention.tolist() == [[0.1, 0.2, 0.7]]


def test_an_unknown_word_is_the_source_word_most_looked_at():
    made = task()
    written = Written([UNKNOWN, 5], -1.0, np.array([[0.1, 0.9], [1.0, 0.0], [0.0, 1.0]]), True)
    assert made._words(written, ["ein", "xylophon"])[0] == "xylophon"
    assert made._words(Written([UNKNOWN], -1.0, None, True), ["ein"]) == ["<unk>"]


# teacher forcing


def test_the_share_of_true_words_falls_linearly():
    made = task(**{"training.teacher_forcing_end": 0.5, "training.epochs": 5})
    shares = []
    for epoch in range(5):
        made.batches(epoch)
        shares.append(made._forced_share())
    assert shares == pytest.approx([1, 0.875, 0.75, 0.625, 0.5])


def test_words_of_its_own_take_the_place_of_true_ones_but_never_of_the_start():
    changes = {"training.teacher_forcing": 0.0, "training.teacher_forcing_end": 0.0}
    made, model = task(**changes), None
    model = model_of(made)
    rows = np.arange(8)
    source, lengths, read, _ = made.text.batch("train", rows)
    mixed = made._partly_its_own(model, source, lengths, read, rows)
    scores = model((source, read), lengths)[0].argmax(dim=2).numpy()
    assert (mixed[:, 0] == START).all()
    np.testing.assert_array_equal(mixed[:, 1:], scores[:, :-1])
    always = task()
    assert always._partly_its_own(model, source, lengths, read, rows) is read


def test_the_same_batch_of_the_same_epoch_is_mixed_alike():
    made = task(**{"training.teacher_forcing": 0.5, "training.teacher_forcing_end": 0.5})
    model, rows = model_of(made), np.arange(8)
    source, lengths, read, _ = made.text.batch("train", rows)
    made.batches(1)
    first = made._partly_its_own(model, source, lengths, read, rows)
    np.testing.assert_array_equal(made._partly_its_own(model, source, lengths, read, rows), first)
    made.batches(2)
    assert (made._partly_its_own(model, source, lengths, read, rows) != first).any()


# learning


def test_it_learns_the_pairs_it_is_shown():
    """Sixty sentences, seen often enough, are known by heart: the whole path from words to words is right."""
    made = task(
        **{
            "model.embedding": 32,
            "model.hidden": 32,
            "model.decoder_hidden": 64,
            "model.dropout_embedding": 0.0,
            "model.dropout_readout": 0.0,
            "training.label_smoothing": 0.0,
        }
    )
    torch.manual_seed(1)
    model = made.build().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(40):
        for rows in made.batches(epoch):
            optimizer.zero_grad()
            step: Step = made.step(model, rows, None)
            step.loss.backward()
            optimizer.step()
    found = made.predict(model.eval(), [made.text.texts["train"].source[0]])
    assert found[0]["prediction"] == made.text.texts["train"].target[0].removesuffix(" .") + "."
    rows = np.arange(60)
    written = made._sentences(made._write(model, "train", rows, 1), "train", rows)
    assert made._score(written, "train", rows).metrics["bleu"] > 90


def test_a_run_keeps_its_examples_its_attention_and_its_signature(tmp_path):
    result = rekur.run("multi30k-attention", out=tmp_path / "run", settings=dict(settings().smoke), threads=1)
    run, metrics = Run.open(result.path), result.metrics
    assert metrics["signatures"]["bleu"].startswith("nrefs:1|case:lc|eff:no|tok:none")
    assert set(metrics["baselines"]) == {"copy the source", "word-by-word dictionary"}
    assert metrics["findings"] == [] or all(found["severity"] != "fault" for found in metrics["findings"])
    predictions = run.predictions()
    assert {"id", "source", "truth", "prediction", "bleu"} <= set(predictions.columns)
    assert run.table("lengths")["sentences"].sum() == len(predictions) == 10
    for row in run.table("attention").to_dicts():
        weights = np.array(row["weight"]).reshape(len(row["target"]), len(row["source"]))
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    predictor = rekur.load(result.path)
    first = predictions.row(0, named=True)
    raw = rekur.data.datasets.pairs.load("test").source[0]
    assert " ".join(predictor.predict([raw])[0]["words"]) == first["prediction"]


@native
def test_a_prediction_does_not_load_torch(tmp_path):
    run = rekur.run("multi30k-best", out=tmp_path / "run", settings=dict(config.load("multi30k-best").smoke), threads=1)
    code = (
        "import sys, rekur; print(rekur.load(sys.argv[1]).predict(['Ein Mann liest.'])[0]['words']);"
        "sys.exit('torch' in sys.modules or 'sacrebleu' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(run.path)], check=True, capture_output=True)


# the user's own files


def own_files(folder: Path, **lines: list[str]) -> dict[str, object]:
    """Six files and the settings that read them; a part given by name replaces the usual one."""
    usual = {
        "train_source": ["Ein Hund läuft.", "Ein Kind singt.", "Eine Frau liest."],
        "train_target": ["A dog runs.", "A child sings.", "A woman reads."],
        "validation_source": ["Ein Kind läuft."],
        "validation_target": ["A child runs."],
        "test_source": ["Ein Hund singt.", "Eine Frau singt."],
        "test_target": ["A dog sings.", "A woman sings."],
    }
    found: dict[str, object] = {"data.set": "files", "data.form": "raw"}
    for name, text in {**usual, **lines}.items():
        path = folder / name
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        found[f"data.{name}"] = str(path)
    return found


def test_files_are_read_as_they_are_written_and_scored_by_13a(tmp_path):
    made = task(**own_files(tmp_path))
    assert made.text.words["train"][0][0] == ["ein", "hund", "läuft", "."]
    found = made._score([["a", "dog", "sings", "."], ["a", "woman", "sings", "."]], "test", np.arange(2))
    assert found.metrics["bleu"] == pytest.approx(100)
    assert "tok:13a" in found.signatures["bleu"]


def test_long_training_pairs_are_left_out_and_counted(tmp_path):
    long = "wort " * 5000
    made = task(
        **own_files(
            tmp_path, train_source=["Ein Hund.", long, "Eine Frau."], train_target=["A dog.", "A word.", "A woman."]
        )
    )
    assert made.text.texts["train"].target == ["A dog.", "A woman."]
    assert made.warnings == [
        "1 of 3 training pairs have a sentence of more than 100 words (data.longest) and were left out."
    ]


def test_a_long_test_sentence_is_an_error_that_names_its_line(tmp_path):
    with pytest.raises(DataError, match=r"test_source, line 2: a sentence may have 100 words .*has 5000"):
        task(**own_files(tmp_path, test_source=["Ein Hund.", "wort " * 5000]))


def test_files_of_unequal_length_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"train_target has 2 lines and .*train_source has 3: line 3"):
        task(**own_files(tmp_path, train_target=["A dog.", "A child."]))


def test_without_validation_files_there_is_no_validation(tmp_path):
    given = own_files(tmp_path)
    del given["data.validation_source"], given["data.validation_target"]
    made = task(**given)
    assert made.validate(model_of(made)) == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.set": "files"}, r"data\.train_source and data\.train_target must both name a file"),
        ({"data.train_source": "a.de"}, r'read with data\.set = "files"'),
        ({"data.source": "fr"}, r'has "de" and "en"; got "fr"'),
        ({"data.unit": "bpe", "data.min_count": 2}, r"data\.min_count is of words"),
        ({"data.shared": True, "data.max_target_words": 9}, r"Set data\.max_words alone"),
        ({"model.readout": "last"}, r'model\.readout must be "decoder"'),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        tasks.create(settings(**changes))


def test_without_sacrebleu_nothing_is_trained(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install rekur\[translate\]"):
        task()


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("", r"Sentence 2 of 2 must have 1 to 100 words; got 0\. Leave it out"),
        (" \n", "got 0"),
        ("wort " * 5000, r"Sentence 2 of 2 must have 1 to 100 words; got 5000\. Cut it"),
        (7, "must be a string"),
    ],
)
def test_a_sentence_that_cannot_be_translated_is_named(sentence, said):
    made = task()
    with pytest.raises(DataError, match=said):
        made.predict(model_of(made), ["Ein Hund.", sentence])


def test_characters_never_seen_are_unknown_and_a_sentence_of_nothing_else_is_warned_of():
    for name in ("multi30k-attention", "multi30k-best"):
        made = task(name)
        model = model_of(made)
        known, part, strange = made.predict(model, ["Ein Hund.", "Ein Ξ", "漢字"])
        assert "warning" not in known
        assert "warning" not in part
        assert strange["warning"].startswith("No word of sentence 3 was seen in training")


def test_composed_and_decomposed_letters_are_translated_alike():
    made = task()
    model = model_of(made)
    first, second = made.predict(model, ["Drei Männer.", "Drei Ma\u0308nner."])
    assert first == second
