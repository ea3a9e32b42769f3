"""The page of a run that labels steps: its table, wrong words in their sentences, wrong columns under their strips."""

from __future__ import annotations

import polars as pl
import report_runs

from rekur import report


def run(path, **tables):
    """A run folder of a tagger with these tables."""
    metrics = {
        "task": "tag",
        "test": {"token_accuracy": 0.9, "sentence_accuracy": 0.25},
        "interval": {"token_accuracy": [0.88, 0.92]},
        "baselines": {"commonest tag of the word": {"token_accuracy": 0.8, "sentence_accuracy": 0.1}},
        "versus": None,
        "chance": None,
        "published": None,
    }
    made = report_runs.make(
        path, report_runs.config_of("own", "Own tags", "tag"), report_runs.metrics_of(**metrics), []
    )
    made.write_extra({"classes": ["NOUN", "blank", "VERB"]})
    for name, table in tables.items():
        made.write_table(name, table)
    return made


def written(made):
    return report.page(made).read_text(encoding="utf-8")


COUNTS = pl.DataFrame({"label": ["NOUN", "VERB", "X"], "true": [40, 60, 0], "said": [50, 0, 0], "right": [30, 0, 0]})


def test_each_label_has_its_figures_and_none_where_there_are_none(tmp_path):
    html = written(run(tmp_path / "run", labels=COUNTS))
    rows = html[html.index("The labels") :]
    rows = [row.replace("\u00a0", " ") for row in rows.split("<tr>") if "mono" in row][:3]
    assert "25.0" in html  # whole sentences
    assert all(
        share in rows[1] for share in ("40", "60.0 %", "75.0 %", "66.7 %")
    )  # 30 of 50, of 40; the commonest first
    assert ">-</td>" in rows[0]  # VERB was never said: no precision
    assert rows[2].count(">-</td>") == 3


def test_wrong_words_stand_in_their_sentence_and_nothing_of_it_is_executed(tmp_path):
    words = [["All", "dogs", report_runs.HOSTILE, "bark"], ["Fine", "words"]]
    truth, said = [["X", "NOUN", "X", "VERB"], ["X", "X"]], [["X", "NOUN", "NOUN", "VERB"], ["X", "X"]]
    table = pl.DataFrame({"id": [4, 5], "words": words, "truth": truth, "prediction": said})
    html = written(run(tmp_path / "run", sentences=table))
    assert "All dogs <span" in html
    assert "<small>NOUN, is X</small>" in html
    assert html.count('<span class="wrong">') == 1
    assert "Fine words" in html
    assert "<script" not in html
    assert "<img src=x" not in html


def test_strips_are_drawn_with_both_rows_of_labels(tmp_path):
    labels = {"truth": [[1, 0, 0, 0, 0, 0]], "prediction": [[1, 2, 2, 2, 2, 0]]}
    table = pl.DataFrame({"id": [7], "height": [2], "pixels": [[0, 9, 9, 9, 9, 9] * 2], **labels})
    html = written(run(tmp_path / "run", strips=table))
    strip = html[html.index('<svg class="strip"') :].partition("</svg>")[0]
    assert 'viewBox="0 0 6 24"' in strip
    assert strip.count('class="off"') == 1
    assert strip.count('class="right"') == 2  # the true run, and the last column of what was said
    assert "4 of 6 columns wrong" in html


def test_other_runs_have_no_such_part(tmp_path):
    assert "The labels" not in written(run(tmp_path / "run"))
