"""Captions for Snakemake's report."""

import json

from docutils.core import publish_string

from lazyrich.planning.captions import captions


def test_a_caption_reads_in_the_report_as_it_was_written(tmp_path):
    """Markup characters of reStructuredText are text: |v_r|, a*b*c, `code`, x_ and a backslash."""
    text = r"|v_r| and a*b*c* of `code`, x_ and \pi"
    (tmp_path / "map/figures").mkdir(parents=True)
    (tmp_path / "map/figures/captions.json").write_text(json.dumps({"loss": text}))
    (tmp_path / "line/figures").mkdir(parents=True)
    found = captions(tmp_path)
    assert list(found) == ["map"]
    shown = publish_string(found["map"]["loss"], writer="pseudoxml", settings_overrides={"halt_level": 2}).decode()
    assert " ".join(shown.split()) == f'<document source="<string>"> <paragraph> {text}'
