"""What the page shows of a translator."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import report_runs

from rekur.report.facts import Facts
from rekur.report.sections import translation
from rekur.runs import Run

LONG = ["w"] * 30


def facts(tmp_path: Path) -> Facts:
    config = report_runs.config_of("multi30k-attention", "Captions", "translate")
    signatures = {"bleu": "nrefs:1|tok:none", "chrf": "nrefs:1"}
    run: Run = report_runs.make(tmp_path / "run", config, report_runs.metrics_of(signatures=signatures), [])
    examples = {
        "id": [4, 7],
        "source": ["ein hund", report_runs.HOSTILE],
        "truth": ["a dog", "b"],
        "prediction": ["a dog", ""],
        "rival": ["a dog", "b"],
        "bleu": [100.0, 0.0],
    }
    run.write_table("translations", pl.DataFrame(examples))
    lengths = {"from": [3, 6], "to": [5, 6], "sentences": [10, 20], "bleu": [30.0, 20.0], "rival": [25.0, 24.0]}
    run.write_table("lengths", pl.DataFrame(lengths))
    looked = {
        "id": [4, 7],
        "source": [["ein", "hund"], LONG],
        "target": [["a", "dog", "</s>"], ["b"]],
        "weight": [[0.9, 0.1, 0.2, 0.8, 0.5, 0.5], [1 / 30] * 30],
    }
    run.write_table("attention", pl.DataFrame(looked))
    return Facts(run)


def test_examples_lengths_and_the_maps_that_fit(tmp_path: Path) -> None:
    section = translation.section(facts(tmp_path))
    assert section is not None
    assert [picture.name for picture in section.pictures] == ["lengths", "attention-4"]
    items = section.blocks[0].values["items"]
    assert items[0] == {
        "source": "ein hund",
        "truth": "a dog",
        "prediction": "a dog",
        "rival": "a dog",
        "bleu": "100.0",
    }
    assert section.blocks[0].values["signatures"] == ["BLEU nrefs:1|tok:none", "chrF nrefs:1"]
    assert "3-5 words, 10 sentences: 30.0, rival 25.0" in section.pictures[0].words
    assert section.pictures[0].caption == "Sentences of 3-5 words go best (30.0), of 6 worst (20.0)."
    assert "a looks at ein; dog looks at hund" in section.pictures[1].words


def test_the_section_and_its_card_are_drawn(tmp_path: Path) -> None:
    section = translation.section(facts(tmp_path))
    assert section is not None
    drawn = report_runs.drawn(section)
    assert drawn.count("ein hund") == 2  # in the section and on the card
    assert drawn.count("Scored by sacrebleu") == 1


def test_a_map_has_a_cell_for_every_pair_and_the_words_of_both_sides(tmp_path: Path) -> None:
    section = translation.section(facts(tmp_path))
    assert section is not None
    for form in ("half", "narrow"):
        drawn = section.pictures[1].svg(form)
        assert drawn.count('class="ours cell"') == 6
        assert all(f">{word}<" in drawn for word in ("ein", "hund", "a", "dog", "(end)"))


def test_other_tasks_have_none(tmp_path: Path) -> None:
    config = report_runs.config_of("x", "x", "text")
    assert translation.section(Facts(report_runs.make(tmp_path / "run", config, report_runs.metrics_of(), []))) is None
