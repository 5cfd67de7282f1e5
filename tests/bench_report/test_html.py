"""The HTML page: nothing outside it, everything in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.bench_report import made_up
from tools.bench import html, meaning, plots, report
from tools.bench.difference import RULE
from tools.bench.groups import group
from tools.bench.headline import losses
from tools.bench.rows import Row, read
from tools.errors import ToolError

OLDER = made_up.row(samples=[50.0, 51.0, 52.0], run="2025-01-01T00:00:00+00:00", spill=True)


class Elements(HTMLParser):
    """Every start tag with its attributes, and the page's text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    found = [OLDER, *made_up.session(), made_up.failed(contestant="fp16", subject="made-up-14b")]
    return read(made_up.write(tmp_path_factory.mktemp("rows") / "rows.jsonl", found))


@pytest.fixture(scope="module")
def page(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> str:
    return report.write(rows, tmp_path_factory.mktemp("report") / "new").read_text("utf-8")


def test_nothing_is_loaded_from_outside(page: str) -> None:
    tags = Elements(page).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object", "base"}
    addresses = [a[k] or "" for _, a in tags for k in ("src", "href", "srcset") if k in a]
    assert len(addresses) == len(plots.PLOTS)
    assert all(address.startswith("data:image/svg+xml;base64,") for address in addresses)
    assert not re.search(r"url\(|@import|https?://", page)


def test_a_phone_can_read_it(page: str) -> None:
    elements = Elements(page)
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in (
        elements.tags
    )
    tables = page.count("<table>")
    assert tables and page.count('<div class="wide"><table>') == tables  # wide ones scroll
    assert all(a.get("alt") for tag, a in elements.tags if tag == "img")


def test_every_row_is_there(page: str, rows: list[Row]) -> None:
    listed = page[page.index('id="rows"') :]
    assert listed.count("<tr>") == len(rows) + 1  # and the head
    assert listed.count("replaced by a newer row") == 1
    assert "51 tok/s, spilled" in Elements(listed).text


def test_failures_and_losses_are_there(page: str, rows: list[Row]) -> None:
    text = Elements(page).text
    assert "1 measurement failed." in text and "made-up-14b, fp16, startup" in text
    assert text.count("exit code 1: made-up failure") == 2  # at the top, and among the rows
    lost = list(losses(group(rows)))
    part = page[page.index('id="losses"') : page.index('id="plots"')]
    assert lost and part.count("<tr><td>") == len(lost)
    assert f"loses {len(lost)}, 1 of them by more than the spread" in text


def test_method_kernels_versions_and_settings_are_there(page: str) -> None:
    text = Elements(page).text
    assert RULE in text and all(sentence in text for sentence in meaning.METHOD)
    found = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert found["linear"] == "28 x MadeUpLinear" and found["attention"] == "28 x MADE_UP_ATTN"
    assert found["gfx-kernels"] == "0.0 made up" and found["copy_gb_s"] == "800.0"
    assert found["os"] == "made-up OS" and found["commit"] == "0000000"
    assert found["dtype"] == "float16" and found["mode"] == "graph"
    assert text.count("28 x made_up_14.3 (0.5 ms)") == 1


def test_random_weights_are_said_where_rows_have_them(rows: list[Row], tmp_path: Path) -> None:
    settings = {"mode": "graph", "load_format": "dummy"}
    random = read(made_up.write(tmp_path / "rows.jsonl", [made_up.row(settings=settings)]))
    said = "Random weights (`--load-format dummy`); nothing is read from disk"
    assert html.page(random, group(random), []).count(said) == 1
    assert "Random weights" not in html.page(rows, group(rows), [])


def test_energy_is_that_of_a_run(tmp_path: Path) -> None:
    rows = [made_up.row(energy_j=72.3), made_up.row(contestant="fp16")]
    found = read(made_up.write(tmp_path / "rows.jsonl", rows))
    listed = html.page(found, group(found), []).partition('id="rows"')[2]
    assert "<th>J a run</th>" in listed and listed.count('<td class="n">24.1</td>') == 1


def test_models_of_one_stamp_have_setups_of_their_own(tmp_path: Path) -> None:
    rows = [made_up.row(), made_up.row(subject="another")]
    assert len(html.setups(read(made_up.write(tmp_path / "rows.jsonl", rows)))) == 2


def test_the_engine_is_said_as_it_is_when_whole(tmp_path: Path) -> None:
    ablated = made_up.row(bench="ablate", served_by={"linear": {"Ablated": 1}})
    rows = read(made_up.write(tmp_path / "rows.jsonl", [ablated, made_up.row()]))
    page = html.page(rows, group(rows), [])
    assert "28 x MadeUpLinear" in page and "Ablated" not in page


def test_text_of_rows_is_never_markup(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    rows = [made_up.row(subject=name), made_up.failed(subject=name, error="<b>no</b> & no")]
    found = read(made_up.write(tmp_path / "rows.jsonl", rows))
    page = html.page(found, group(found), [])
    assert "<script" not in page and "&lt;b&gt;no&lt;/b&gt; &amp; no" in page


def test_failures_alone_make_a_page(tmp_path: Path) -> None:
    rows = read(made_up.write(tmp_path / "rows.jsonl", [made_up.failed(device={}, settings={})]))
    text = Elements(report.write(rows, tmp_path / "out").read_text("utf-8")).text
    assert "exit code 1: made-up failure" in text and "unknown device" in text


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path, session: list[Row]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match=r"cannot write .*file: File exists; name a folder"):
        report.write(session, tmp_path / "file")
