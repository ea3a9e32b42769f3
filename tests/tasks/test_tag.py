"""The task of tags: masks, spelling, fields, files of the user's own, and predictions without torch."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import rekur
from rekur import config, engine, tasks
from rekur.cli import inputs, predict
from rekur.data.lexicon import Lexicon
from rekur.errors import ConfigError, DataError, RefusedModelError
from rekur.inference import Network
from rekur.tasks.labelling import IGNORED

native = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
SMALL = {"model.hidden": 8, "model.characters_hidden": 4, "training.batch": 8, "training.epochs": 1}


def task(**changes):
    smoke = dict(config.load("ewt-pos").smoke)
    made = tasks.create(config.override(config.load("ewt-pos"), {**smoke, **SMALL, **changes}), seed=1)
    made.load()
    return made


def built(made, seed=3):
    torch.manual_seed(seed)
    model = made.build().eval()
    for weight in model.parameters():
        torch.nn.init.uniform_(weight, -0.5, 0.5)
    return model


def crf(**changes):
    return task(**{"model.crf": True, "data.also": 0, "data.column": 0, **changes})


@pytest.mark.parametrize("make", [task, crf])
def test_the_loss_of_a_batch_is_the_mean_over_its_words_whatever_stands_beside_them(make):
    made = make()
    model = built(made)
    rows = np.arange(6)
    nats, words = [], []
    for row in rows:
        given, lengths = made.inputs("train", np.array([row]))
        target = torch.from_numpy(made._target("train", np.array([row])))
        nats.append(float(made.loss(model(given, lengths)[0], target).detach()))
        words.append(int(lengths[0]))
    given, lengths = made.inputs("train", rows)
    whole = made.loss(model(given, lengths)[0], torch.from_numpy(made._target("train", rows)))
    assert len(set(words)) > 1
    assert float(whole.detach()) == pytest.approx(np.average(nats, weights=words), rel=1e-4)


@pytest.mark.parametrize("make", [task, crf])
def test_padding_changes_no_label(make):
    made = make()
    model = built(made)
    given, lengths = made.inputs("test", np.arange(8))
    wide = tuple(np.pad(part, [(0, 0), (0, 3), (0, 2)][: part.ndim]) for part in given)
    first, second = (made.decided(model(x, lengths)[0].detach().numpy(), lengths) for x in (given, wide))
    for n, length in enumerate(lengths):
        np.testing.assert_array_equal(first[n, :length], second[n, :length])


@pytest.mark.parametrize("make", [task, crf])
@native
def test_it_predicts_without_torch_what_it_predicts_with(make):
    made = make()
    model = built(made)
    weights = {name: weight.detach().numpy() for name, weight in model.state_dict().items()}
    again = tasks.create(made.config, seed=1)
    again.restore(made.files())
    sentences = [s.words for s in made.sentences["test"]] + ["An unseen Wörd", ["😀", "of", "x" * 300]]
    with_torch, without = (
        made.predict(model, sentences),
        again.predict(Network(again.architecture(), weights), sentences),
    )
    for one, other in zip(with_torch, without, strict=True):
        assert one["words"] == other["words"]
        assert one["prediction"] == other["prediction"]
        assert len(one["words"]) == len(one["prediction"])
        np.testing.assert_allclose(one.get("probability", []), other.get("probability", []), atol=1e-5)


def test_one_sentence_is_tagged_as_it_is_among_others():
    made = task()
    model = built(made)
    sentences = [s.words for s in made.sentences["test"]]
    together = made.predict(model, sentences)
    assert [made.predict(model, [words])[0]["prediction"] for words in sentences[:5]] == [
        item["prediction"] for item in together[:5]
    ]


def test_case_is_lost_to_words_and_not_to_characters():
    made = task()
    model = built(made)
    same = [made.predict(model, [f"{word} slept ."])[0]["probability"][0] for word in ("lamp", "Lamp")]
    assert same[0] != same[1]
    ids = made._encode([["lamp"], ["Lamp"]]).ids
    assert ids[0] == ids[1]


def test_a_sentence_of_no_word_is_refused_and_one_of_5000_is_tagged():
    made = task()
    model = built(made)
    for sentence in ("", "  ", [], [""], 7, ["a", 3]):
        with pytest.raises(DataError, match="Sentence 2"):
            made.predict(model, ["fine", sentence])
    assert len(made.predict(model, ["word " * 5000])[0]["prediction"]) == 5000
    assert made.predict(model, []) == []


def test_the_words_are_those_of_the_training_sentences_alone():
    made = task()
    train = [s.words for s in made.sentences["train"]]
    assert made.lexicon == Lexicon.fit(train)
    refit = made.refits()[0]
    assert refit.used == refit.train_only
    parts = [{s.words for s in made.sentences[part]} for part in ("train", "validation", "test")]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]


def test_names_are_judged_by_spans_and_parts_of_speech_by_tokens():
    assert task().metric == "token_accuracy"
    names = task(**{"data.column": 0, "data.also": 0})
    assert names.metric == "span_f1"
    found = names.validate(built(names))
    assert found.keys() == {"loss", "accuracy", "span_f1"}


def test_other_tags_are_learned_and_never_said():
    made = task()
    C = len(made.classes)
    assert made.others == len({tag for s in made._read("train", 3) for tag in s.tags})
    model = built(made)
    rows = np.arange(4)
    (given, lengths), target = made.inputs("train", rows), torch.from_numpy(made._target("train", rows))
    output = model(given, lengths)[0].detach().requires_grad_()
    assert output.shape[2] == C + made.others
    assert not torch.autograd.grad(made.loss(output, target), output)[0][:, :, C:].any()
    gradient = torch.autograd.grad(made.learned(output, target, rows), output)[0]
    assert gradient[:, :, C:].abs().max() > 0
    assert (gradient[target == IGNORED] == 0).all()
    louder = output.detach().numpy().copy()
    louder[:, :, C:] += 1000
    np.testing.assert_array_equal(made.decided(louder, lengths), made.decided(output.detach().numpy(), lengths))


def test_the_same_other_tags_stand_beside_the_same_sentences():
    made = task()
    whole = {s.words: s.tags for s in made._read("train", 3)}
    seen: dict[int, str] = {}
    for sentence, others in zip(made.sentences["train"], made.beside, strict=True):
        for tag, place in zip(whole[sentence.words], others.tolist(), strict=True):
            assert seen.setdefault(place, tag) == tag


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model.readout": "last"}, "every step has a label"),
        ({"model.embedding": 0, "model.characters": 0, "model.characters_hidden": 0}, "words are read as vectors"),
        ({"data.set": "files"}, "data.train must name a file"),
        ({"data.train": "x.conllu"}, 'are for data.set = "files"'),
        ({"model.crf": True}, "has no scores of other tags"),
        ({"data.min_count": 10_000}, "no word is seen 10000 times"),
        ({"model.characters": 0}, "model.characters_hidden needs model.characters"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, said):
    if "model.embedding" in changes:
        changes = {**changes, "model.dropout_words": 0.0, "model.dropout_embedding": 0.0}
    with pytest.raises(ConfigError, match=said):
        task(**changes)


@pytest.fixture
def own(tmp_path):
    """Files of the user's own: columns of words and names."""
    lines = {"train": 12, "test": 4}
    for part, count in lines.items():
        blocks = [f"Anna{n % 3}\tB-PER\nsaw\tO\nOslo\tB-LOC\n" for n in range(count)]
        (tmp_path / f"{part}.bio").write_text("\n".join(blocks), encoding="utf-8")
    return tmp_path


def run_of(own, **changes):
    files = {"data.set": "files", "data.train": str(own / "train.bio"), "data.test": str(own / "test.bio")}
    smoke = dict(config.load("ewt-pos").smoke)
    chosen = {**smoke, **SMALL, **files, "data.column": 0, "data.also": 0, "training.epochs": 4, "model.crf": True}
    return rekur.run("ewt-pos", out=own / "run", settings={**chosen, **changes}, threads=1)


def test_files_of_ones_own_are_trained_on_judged_and_predicted(own):
    result = run_of(own)
    assert result.metrics["versus"]["metric"] == "span_f1"
    assert "span F1" in result.report.read_text(encoding="utf-8")
    predictor = rekur.load(result.path)
    found = predictor.score(own / "test.bio")
    assert found["test"] == pytest.approx(result.metrics["test"])
    given = inputs.read(str(own / "test.bio"), predictor)
    assert given[0] == ("Anna0", "saw", "Oslo")
    said = predict.line(predictor.predict(given)[0])
    assert [pair.partition("/")[0] for pair in said.split(" ")] == ["Anna0", "saw", "Oslo"]
    (own / "other.bio").write_text("\nBonn\tB-CITY\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"other\.bio: The sentence from line 2 on has the tag `B-CITY`, never seen in training"
    ):
        predictor.score(own / "other.bio")
    with pytest.raises(DataError, match=r"none\.conllu cannot be read"):
        inputs.read("none.conllu", predictor)
    (result.path / "classes.json").write_text(json.dumps({"tags": [1], "others": 0}))
    with pytest.raises(RefusedModelError, match=r"classes\.json must hold the tags"):
        rekur.load(result.path)


def test_a_fault_of_a_file_ends_the_run_before_it_begins(own):
    (own / "train.bio").write_text("Anna\tB-PER\nsaw\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.bio, line 2 has 1 column"):
        run_of(own)
    assert not (own / "run").exists()


def test_a_single_tag_is_refused(own):
    (own / "train.bio").write_text("Anna O\nsaw O\n\nhim O\n\n" * 4, encoding="utf-8")
    (own / "test.bio").write_text("Anna O\n", encoding="utf-8")
    with pytest.raises(DataError, match="one tag only, `O`"):
        run_of(own)
