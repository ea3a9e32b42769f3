"""One-to-many: classes, vectors and images are described alike, with torch and without, and parts share nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rekur import arithmetic, config, engine, search, tasks
from rekur.data.numbers import in_words
from rekur.errors import ConfigError, DataError
from rekur.inference.decoder import WritingNetwork

native = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
COLOURS = ("red", "green", "blue", "grey")


def made(recipe: str, seed: int = 1, **changes):
    smoke = dict(config.load(recipe).smoke)
    task = tasks.create(config.override(config.load(recipe), {**smoke, **changes}), seed=seed)
    task.load()
    return task


def names(**changes):
    return made("names-by-language", **{"data.most": 40, "data.longest": 8, "data.drawn": 3, **changes})


def strips(**changes):
    return made("digits-caption", **{"data.train_strips": 60, "data.test_strips": 12, "data.longest": 8, **changes})


def table(folder: Path) -> Path:
    draw = np.random.default_rng(1)
    rows = [f"{a:.3f},{b:.3f},{COLOURS[2 * (a > 0) + (b > 0)]}" for a, b in draw.normal(size=(60, 2))]
    file = folder / "table.csv"
    file.write_text("\n".join(["a,b,caption", *rows]), encoding="utf-8")
    return file


def vectors(folder: Path):
    return swapped("digits-caption", {"set": "vectors", "file": str(table(folder))}, {"model.convolution": []})


def pictures(folder: Path, **data):
    (folder / "in").mkdir()
    lines = ["image,caption"]
    for number in range(30):
        light = np.full((12, 8 + number % 5, 3), (200, 60 * (number % 4), 30), dtype=np.uint8)
        light[:, number % 8] = number
        Image.fromarray(light).save(folder / "in" / f"{number}.png")
        lines += [f"{number}.png,{COLOURS[number % 4]} it is", f"{number}.png,so {COLOURS[number % 4]}"]
    (folder / "captions.csv").write_text("\n".join(lines), encoding="utf-8")
    given = {"set": "files", "images": str(folder / "in"), "captions": str(folder / "captions.csv")}
    return swapped("digits-caption", {**given, "height": 8, "width": 16, "unit": "pieces", **data}, {})


def swapped(recipe: str, data: dict, changes: dict):
    loaded = config.load(recipe)
    given = config.override(
        loaded.model_copy(update={"data": data}), {"model.hidden": 8, "training.batch": 8, **changes}
    )
    task = tasks.create(given, seed=1)
    task.load()
    return task


@pytest.fixture(params=["names", "strips", "vectors", "files"])
def task(request, tmp_path):
    if request.param == "names":
        return names()
    if request.param == "strips":
        return strips()
    return vectors(tmp_path) if request.param == "vectors" else pictures(tmp_path)


def model_of(task):
    torch.manual_seed(3)
    model = task.build().eval()
    for weight in model.parameters():
        torch.nn.init.uniform_(weight, -0.4, 0.4)
    return model


def network_of(task, model) -> WritingNetwork:
    network = task.architecture()
    arrays = {name: np.ascontiguousarray(weight.detach().numpy()) for name, weight in model.state_dict().items()}
    assert {name: (array.shape, str(array.dtype)) for name, array in arrays.items()} == network.weights()
    return WritingNetwork(network, arrays)


def test_what_a_caption_costs_does_not_depend_on_its_neighbours(task, monkeypatch):
    model = model_of(task)
    together = task.nats(model, "test").values
    monkeypatch.setattr("rekur.tasks.describing.shared.EVALUATION_BATCH", 1)
    np.testing.assert_allclose(task.nats(model, "test").values, together, rtol=1e-4, atol=1e-5)


def test_the_loss_is_the_mean_cost_of_what_is_written(task):
    model = model_of(task)
    rows = task.batches(0)[0]
    inputs, lengths, target = task._items("train", rows)
    step = task.step(model, rows, None)
    scores = model(inputs, lengths)[0].detach().double().numpy()
    nats = -np.take_along_axis(arithmetic.log_softmax(scores), target[..., None], axis=2)[..., 0]
    assert step.count == int(task.written["train"].lengths[rows].sum())
    assert float(step.loss.detach()) == pytest.approx(nats[target != 0].sum() / step.count, rel=1e-4)


def test_what_is_read_is_what_was_to_be_written_a_step_before(task):
    (_, read), _, target = task._items("train", task.batches(0)[0])
    assert (read[:, 0] == 2).all()
    np.testing.assert_array_equal(read[:, 1:], target[:, :-1])


@native
def test_what_is_written_is_the_same_without_torch(task):
    model = model_of(task)
    network = network_of(task, model)
    source, lengths = task.source("test", np.arange(3))
    ours, theirs = (search.beam(each, source, lengths, width=3, longest=12) for each in (network, model))
    assert [one.ids for one in ours] == [one.ids for one in theirs]
    np.testing.assert_allclose(
        [one.log_probability for one in ours], [one.log_probability for one in theirs], rtol=1e-4
    )
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.attention, other.attention, atol=1e-5)


def test_a_describer_comes_back_from_its_files(task):
    back = tasks.create(task.config, seed=1)
    back.restore(task.files())
    assert back.files() == task.files()
    assert back.architecture() == task.architecture()


def test_units_come_from_the_training_part_alone(task):
    for refit in task.refits():
        assert refit.used == refit.train_only
    known = set(task.coding.decode([[unit] for unit in range(task.coding.size)]))
    assert known >= set("".join(task.texts["train"])) or task.data.unit == "pieces"


def test_batches_are_a_function_of_seed_and_epoch(task):
    def first(epoch):
        rows = task.batches(epoch)[0]
        (source, read), _, _ = task._items("train", rows)
        return source.tobytes() + read.tobytes()

    one, two, again = first(1), first(2), first(1)
    assert one == again != two


def test_the_case_for_the_doctor_is_what_is_trained_on(task):
    rows = task.batches(0)[0]
    case = task.case(rows)
    model = model_of(task)
    loss = case.loss(model(case.inputs, case.lengths)[0], torch.from_numpy(case.target))
    assert float(loss.detach()) == pytest.approx(float(task.step(model, rows, None).loss.detach()), rel=1e-5)


def test_every_test_item_is_judged_beside_rivals_on_the_same_items(task):
    tested = task.test(model_of(task))
    assert task.metric in tested.outcome.metrics
    assert len(tested.predictions)
    for rival in task.baselines().values():
        assert len(rival.items) == len(tested.outcome.items)


# names


def test_a_name_stands_in_one_part_whatever_its_languages():
    task = made("names-by-language", **{"data.most": 0})
    parts = {part: {text.casefold() for text in texts} for part, texts in task.texts.items()}
    assert not parts["train"] & parts["test"]
    assert not parts["train"] & parts["validation"]
    assert not parts["validation"] & parts["test"]
    whole = sum(np.bincount(labels, minlength=18) for labels in task.of.values())
    assert (np.abs(np.bincount(task.of["test"], minlength=18) / whole - 0.1) < 0.03).all()


def test_every_seed_is_tested_on_the_same_names_and_strips():
    for build in (names, strips):
        one, other = (build(seed=seed) for seed in (1, 2))
        assert one.texts["test"] == other.texts["test"]


@native
def test_drawn_names_are_the_same_with_torch_and_without_and_known_by_the_seed():
    task = names()
    model = model_of(task)
    ours, theirs = (task.predict(each, ["Korean", "Irish"]) for each in (network_of(task, model), model))
    assert ours == theirs
    assert ours[0]["class"] == "Korean"
    assert len(ours[0]["drawn"]) == 10
    assert task.predict(model, ["Irish"])[0] == ours[1]  # what stands beside it changes nothing


def test_a_low_temperature_draws_the_likeliest():
    task = names(**{"data.temperature": 1e-3, "data.longest": 6})
    model = model_of(task)
    drawn = task.draw(model, np.zeros(20, dtype=np.int64), 1)
    greedy = search.beam(model, np.zeros((1, 1), np.int64), width=1, longest=task.data.longest)
    assert set(drawn) == set(task.coding.decode([greedy[0].ids]))


def test_an_unknown_class_gets_the_nearest():
    task = names()
    with pytest.raises(DataError, match="Did you mean `Korean`"):
        task.predict(model_of(task), ["Koraen"])


def test_a_table_of_classes_of_the_users_own(tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("class,caption\n" + "\n".join(f"{'ab'[n % 2]},{'xy'[n % 2] * (1 + n % 7)}{n}" for n in range(60)))
    task = swapped("names-by-language", {"set": "classes", "file": str(file)}, {})
    assert task.classes == ("a", "b")
    assert sum(map(len, task.texts.values())) == 60
    file.write_text("class,caption\na,one\nb,\n")
    with pytest.raises(DataError, match=r"own\.csv, line 3: the caption is empty"):
        swapped("names-by-language", {"set": "classes", "file": str(file)}, {})


# strips


def test_a_strip_says_its_number_in_both_languages_and_never_begins_with_0():
    task = strips(**{"data.train_strips": 300})
    for part, digits in task.truth.items():
        for said, spelt in zip(digits, task.texts[part], strict=True):
            number = int("".join(map(str, said)))
            assert spelt == f"{in_words(number, 'english')}\n{in_words(number, 'korean')}"
            assert said[0] or len(said) == 1
    assert len(task.texts["train"]) == 300
    assert {len(said) for said in task.truth["train"]} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(("language", "spelt"), [("english", "english"), ("korean", "korean")])
def test_one_language_alone(language, spelt):
    task = strips(**{"data.language": language})
    digits = next(iter(task.truth["test"]))
    assert task.texts["test"][0] == in_words(int("".join(map(str, digits))), spelt)
    assert task.judge(task.texts["test"]).metrics == {"exact_match": 1.0, "cer": 0.0}


def test_training_strips_are_drawn_anew_and_tests_are_not():
    task = strips()
    fixed, before = task.pixels["test"].copy(), task.texts["train"]
    task.batches(1)
    assert task.texts["train"] != before
    np.testing.assert_array_equal(task.pixels["test"], fixed)
    task.batches(0)
    assert task.texts["train"] == before


def test_a_wider_image_beside_it_changes_no_description():
    task = strips()
    model = model_of(task)
    narrow = int(np.argmin(task.widths["test"]))
    alone = task.described(model, *task.source("test", np.array([narrow])))
    among = task.described(model, *task.source("test", np.arange(12)))
    assert alone[0]["prediction"] == among[narrow]["prediction"]
    assert alone[0]["log_probability"] == pytest.approx(among[narrow]["log_probability"], rel=1e-5)


def test_a_picture_is_read_as_the_array_it_was_saved_from(tmp_path):
    task = strips()
    model = model_of(task)
    pixels = task.pixels["test"][0, :, : task.widths["test"][0], 0]
    Image.fromarray(pixels).save(tmp_path / "strip.png")
    of_array, of_file = task.predict(model, [pixels, tmp_path / "strip.png"])
    assert of_file.pop("image") == "strip.png"
    assert of_file.pop("log_probability") == pytest.approx(of_array.pop("log_probability"), rel=1e-5)
    assert of_file == of_array
    assert task.predict(model, []) == []


@pytest.mark.parametrize(
    "image", ["text", np.zeros((2, 3, 4)), np.zeros(5), np.full((8, 8), 256), np.full((8, 8), np.nan), np.zeros((0, 8))]
)
def test_what_is_no_image_is_refused(image):
    task = strips()
    with pytest.raises(DataError, match=r"Image 1 must be (\(height, width\) numbers; got|bright from 0 to 255; got)"):
        task.predict(None, [image])


@pytest.mark.parametrize("sizes", [{"height": 0}, {"width": 10**9}, {"channels": 2}, {"channels": 4}, {"height": "8"}])
def test_a_scaler_of_no_image_is_refused(sizes):
    task = strips()
    files = task.files()
    files["scaler.json"] = json.dumps({**json.loads(files["scaler.json"]), **sizes})
    with pytest.raises(DataError, match=r"scaler\.json"):
        tasks.create(task.config).restore(files)


# files


def test_a_picture_with_several_captions_is_right_with_any(tmp_path):
    task = pictures(tmp_path)
    references = task.references("test")
    assert {len(texts) for texts in references} == {2}
    assert sum(task.sources.values()) == 30
    assert task.judge([texts[1] for texts in references]).metrics["exact_match"] == 1


def test_colour_has_three_channels(tmp_path):
    task = pictures(tmp_path, colour=True)
    source, lengths = task.source("train", np.arange(3))
    assert source.shape[:3] == (3, 3, 8)
    assert source[0, 0].max() > source[0, 2].max() > 0
    assert lengths.max() <= 16 >> 2


def test_a_picture_that_is_there_twice_stands_in_one_part(tmp_path):
    task = pictures(tmp_path)
    for name in ("copy-a", "copy-b"):
        (tmp_path / "in" / f"{name}.png").write_bytes((tmp_path / "in" / "3.png").read_bytes())
    with (tmp_path / "captions.csv").open("a") as file:
        file.write("\ncopy-a.png,x\ncopy-b.png,y")
    again = tasks.create(task.config)
    again.load()
    seen = [{image.tobytes() for image in again.pixels[part]} for part in ("train", "validation", "test")]
    assert not seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2]


def test_too_few_pictures_are_refused(tmp_path):
    task = pictures(tmp_path)
    (tmp_path / "captions.csv").write_text("image,caption\n0.png,one\n")
    with pytest.raises(DataError, match=r"captions\.csv describes 1 image: too few"):
        tasks.create(task.config).load()


# vectors


def test_vectors_are_scaled_by_the_training_part(tmp_path):
    task = vectors(tmp_path)
    assert task.columns == ["a", "b"]
    assert task.values["train"].min() == 0
    assert task.values["train"].max() == 1
    model = model_of(task)
    found = task.predict(model, task.raw["test"][:2])
    assert [item["prediction"] for item in found] == [
        task.text(one) for one in task.write(model, task.values["test"][:2], None)
    ]


@pytest.mark.parametrize("inputs", [[[1.0]], [[1.0, np.inf]], ["text"], [[1, 2], [3]]])
def test_what_is_no_vector_is_refused(tmp_path, inputs):
    task = vectors(tmp_path)
    with pytest.raises(DataError, match="A vector must be 2 finite numbers, a, b"):
        task.predict(None, inputs)


def test_a_table_without_numbers_is_refused(tmp_path):
    task = vectors(tmp_path)
    (tmp_path / "table.csv").write_text("caption\none\ntwo\n")
    with pytest.raises(DataError, match="needs a column of numbers"):
        tasks.create(task.config).load()


# settings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.set": "nmaes"}, "Did you mean `names`"),
        ({"model.readout": "last", "model.attention": "none"}, "what is written comes from a"),
        ({"data.validation": 0.5, "data.test": 0.5}, "less than 1 together"),
        ({"data.set": "classes"}, r"data\.file must name"),
        ({"data.beam": 3}, r"Unknown setting `data\.beam`"),
    ],
)
def test_settings_that_contradict_each_other_are_named(changes, said):
    with pytest.raises(ConfigError, match=said):
        tasks.create(config.override(config.load("names-by-language"), changes))


@pytest.mark.parametrize(("name", "missing"), [("vectors", r"data\.file"), ("files", r"data\.images")])
def test_a_set_of_the_users_own_needs_its_paths(name, missing):
    given = config.load("digits-caption").model_copy(update={"data": {"set": name}})
    with pytest.raises(ConfigError, match=missing):
        tasks.create(given)


def test_images_too_small_for_their_convolutions_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"model\.convolution"):
        pictures(tmp_path, height=3).architecture()
