"""The page of a report, in a real browser."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from segconv.dataset.layout import Dataset
from segconv.flows.report import ReportOptions, report_facts
from segconv.review.report.facts import Facts
from segconv.train.paths import Paths

from ...command import Command
from .. import datasets
from . import made
from .chromium import Opened, chromium

pytestmark = pytest.mark.browser

Open = Callable[..., Any]

PIXEL = """(canvas, [x, y]) => {
  const copy = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, -Math.floor(x * canvas.width), -Math.floor(y * canvas.height));
  return [...copy.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""
MIDDLE, LABELLED = (0.6, 0.6), (0.06, 0.08)
"""Places in a slice: of the image only, and of the labelled pixel."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of facts; at the end, none has said anything or asked for anything."""
    pages: list[Opened] = []

    def open_(facts: Facts, **how: Any) -> Any:
        from segconv.review.report.page import page_of

        path = tmp_path / f"report {len(pages)}.html"
        path.write_bytes(page_of(facts))
        pages.append(Opened(browser, path, **how))
        return pages[-1].page

    yield open_
    for page in pages:
        assert page.close() == ([], [])


def names(page: Any) -> list[str]:
    """The cases that are shown, in their order."""
    return page.locator("#case-table tbody tr:visible th").all_inner_texts()


def grey(page: Any, at: tuple[float, float] = MIDDLE) -> list[int]:
    return page.locator("#slice").evaluate(PIXEL, list(at))


def open_first(page: Any) -> None:
    """Open the first case, and wait for its slices."""
    page.click("#case-table tbody tr >> nth=0")
    page.locator("#at-out:not(:empty)").wait_for(state="attached")


def test_the_first_screen_says_what_the_dataset_is_whether_it_is_right_and_shows_cases(opened: Open) -> None:
    page = opened(made.facts(), viewport={"width": 1280, "height": 800})
    assert page.title() == page.inner_text("h1") == "Dataset004_Phantom"
    for text in ("27 training and 3 test volumes", "1 error, 2 warnings", "SC050", "restore it", "RAS"):
        place = page.get_by_text(text).first.bounding_box()
        assert place["y"] + place["height"] < 800, text
    assert page.locator("#case-table tbody tr .pic").first.bounding_box()["y"] < 700


def test_headings_sort_as_numbers_and_the_other_way_when_clicked_again(opened: Open) -> None:
    page = opened(made.facts())
    page.click("#as-table")
    head = page.locator("#case-table th[data-key='volume:liver']")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert names(page)[:3] == ["case_0", "case_1", "case_2"]
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert names(page)[:2] == ["case_26", "case_25"]
    assert names(page)[-3:] == ["case_27", "case_28", "case_29"], "unknown values come last both ways"


def test_names_sort_by_the_numbers_in_them(opened: Open) -> None:
    page = opened(made.facts())
    assert names(page) == [f"case_{at}" for at in range(30)]
    page.click("#direction")
    assert names(page)[:2] == ["case_29", "case_28"]


def test_the_filter_takes_words_of_any_column_and_choices(opened: Open) -> None:
    page = opened(made.facts())
    page.fill("#filter", "p4 64×64")
    assert names(page) == ["case_8", "case_9"]
    assert page.inner_text("#count") == "2 of 30 cases"
    page.fill("#filter", "")
    page.select_option("#which", label="with errors")
    assert names(page) == ["case_3"]
    page.select_option("#which", label="with slices")
    assert names(page) == ["case_0", "case_1"]
    page.select_option("#which", label="test")
    assert names(page) == ["case_27", "case_28", "case_29"]
    page.select_option("#which", label="fold 1")
    assert names(page) == ["case_1", "case_6", "case_11", "case_16", "case_21", "case_26"]


def test_pictures_say_what_cases_are_sorted_by(opened: Open) -> None:
    page = opened(made.facts())
    page.select_option("#by", "volume:liver")
    assert page.locator("#case-table tbody tr >> nth=1").inner_text().split() == ["case_1", "2"]


def test_a_large_dataset_shows_its_first_cases_until_all_are_asked_for(opened: Open) -> None:
    page = opened(made.facts(100))
    assert len(names(page)) == 48
    page.click("#all")
    assert len(names(page)) == 100


def test_slices_follow_the_slider_the_keys_and_the_wheel(opened: Open) -> None:
    page = opened(made.facts())
    open_first(page)
    assert page.inner_text("#at-out") == "k = 2, 3 of 8"
    assert grey(page) == [20, 20, 20]
    assert grey(page, LABELLED) == [255, 0, 0]
    page.fill("#at", "3")
    assert grey(page) == [40, 40, 40]
    page.locator("#slice").focus()
    page.keyboard.press("ArrowDown")
    assert grey(page) == [30, 30, 30]
    page.locator("#slice").hover()
    page.mouse.wheel(0, 100)
    page.locator("#at-out", has_text="7 of 8").wait_for()
    assert page.get_attribute("#slice", "aria-label") == "axial slices of case_0; slice 7 of 8"


def test_the_window_is_set_by_sliders_keys_and_dragging(opened: Open) -> None:
    page = opened(made.facts())
    open_first(page)
    page.fill("#width", "51")
    page.fill("#level", "25.5")
    assert grey(page) == [100, 100, 100], "20 of 0 to 51"
    page.keyboard.press("r")
    assert grey(page) == [20, 20, 20]
    page.get_by_role("button", name="soft").click()
    assert [page.input_value(f"#{name}") for name in ("level", "width")] == ["40", "255"]
    page.keyboard.press("r")
    page.keyboard.press("[")
    assert grey(page)[0] > 20, "a lower level is brighter"
    page.keyboard.press("r")
    box = page.locator("#slice").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 50, box["y"] + 90)
    page.mouse.up()
    assert grey(page)[0] > 20


def test_layers_can_be_hidden(opened: Open) -> None:
    page = opened(made.facts())
    open_first(page)
    page.keyboard.press("l")
    assert grey(page, LABELLED) == [20, 20, 20]
    page.get_by_label("label", exact=True).check()
    assert grey(page, LABELLED) == [255, 0, 0]


def test_arrow_keys_go_through_the_cases_as_they_are_shown_and_escape_goes_back(opened: Open) -> None:
    page = opened(made.facts())
    page.fill("#filter", "case_1")
    open_first(page)
    assert page.inner_text("#case-place") == "1 of 11"
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#case-name") == "case_10"
    assert "not in the report" in page.inner_text("#no-slices")
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#case-name") == "case_1"
    page.keyboard.press("Escape")
    assert not page.locator("#case").is_visible()
    assert page.evaluate("document.activeElement.textContent") == "case_1"


def test_copies_and_originals_open_each_other(opened: Open) -> None:
    facts = made.facts()
    copy = replace(facts.cases[1], parent="case_0", transform="rotation, axial +30°")
    page = opened(replace(facts, cases=(facts.cases[0], copy, *facts.cases[2:])))
    open_first(page)
    page.get_by_role("button", name="rotation, axial +30°").click()
    assert page.inner_text("#case-name") == "case_1"
    page.locator("#case-about").get_by_role("button", name="case_0").click()
    assert page.inner_text("#case-name") == "case_0"


def test_an_address_names_a_case(opened: Open) -> None:
    page = opened(made.facts())
    open_first(page)
    page.keyboard.press("ArrowRight")
    address = page.url
    assert address.endswith("#case=case_1")
    page.keyboard.press("Escape")
    page.goto(address)
    assert page.inner_text("#case-name") == "case_1"
    page.keyboard.press("Escape")
    page.goto(address.replace("case_1", "%2"))
    page.locator("#case").wait_for(state="hidden")


def test_a_finding_opens_its_case(opened: Open) -> None:
    page = opened(made.facts())
    page.locator(".finding.error summary").click()
    page.get_by_role("button", name="open", exact=True).click()
    assert page.inner_text("#case-name") == "case_3"
    assert "SC050 is cut" in page.inner_text("#case-about")


def test_predictions_come_worst_first_with_their_scores(opened: Open) -> None:
    page = opened(made.with_scores(made.facts(10)))
    assert names(page)[:2] == ["case_0", "case_1"]
    assert page.locator("#case-table tbody tr >> nth=1").inner_text().split() == ["case_1", "0.100"]
    assert "mean Dice 0.500" in page.inner_text(".model")
    page.click("#case-table tbody tr >> nth=1")
    assert "tumour\t0.100" in page.inner_text("#case-about")


def test_distributions_are_drawn_and_say_what_is_under_the_pointer(opened: Open) -> None:
    page = opened(made.facts())
    plot = page.locator("#labels .plot")
    plot.scroll_into_view_if_needed()
    plot.locator("canvas").wait_for()
    area = plot.locator(".u-over").bounding_box()
    page.mouse.move(area["x"] + 0.75 * area["width"], area["y"] + 20)
    plot.get_by_text("1 to 2: 20 cases").wait_for()


def test_no_name_of_a_dataset_becomes_part_of_the_page(opened: Open) -> None:
    page = opened(made.hostile())
    shown = made.HOSTILE.replace("\u202e", "\\u202e").replace("\x1b", "\\x1b")
    assert page.inner_text("h1") == shown
    open_first(page)
    assert page.inner_text("#case-name") == shown
    page.get_by_role("button", name="3D").click()
    page.locator("#volume-view canvas").first.wait_for()
    assert page.evaluate("[window.broken, document.querySelectorAll('img').length]") == [None, 0]
    assert "\u202e" not in page.content()


def test_everything_has_a_name_for_those_who_do_not_see_it(opened: Open) -> None:
    page = opened(made.with_scores(made.facts()))
    open_first(page)
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('[role="img"], button, input, select, canvas[role], dialog')].filter(
          (found) => !(found.getAttribute("aria-label") || found.getAttribute("aria-labelledby")
            || found.textContent.trim() || found.labels?.length)).map((found) => found.outerHTML)"""
    )
    assert unnamed == []


def test_without_scripts_everything_but_plots_and_slices_can_be_read(opened: Open) -> None:
    page = opened(made.facts(60), java_script_enabled=False)
    assert len(names(page)) == 60
    assert page.locator("#which").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_contrasts_with_the_page_in_both_schemes(opened: Open, scheme: str) -> None:
    page = opened(made.facts(), color_scheme=scheme)
    colours = page.evaluate(
        """() => [getComputedStyle(document.body).backgroundColor, ...["h1", ".lead", ".verdict", ".more"].map(
          (found) => getComputedStyle(document.querySelector(found)).color)]"""
    )
    paper, *texts = [_luminance(colour) for colour in colours]
    assert (paper > 0.5) == (scheme == "light")
    assert all((max(paper, text) + 0.05) / (min(paper, text) + 0.05) >= 4.5 for text in texts)


def _luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)`` (WCAG 2.2)."""
    parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_phone_needs_no_scrolling_sideways(opened: Open) -> None:
    page = opened(
        made.with_scores(made.facts()), viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True
    )
    for way in ("#as-pictures", "#as-table"):
        page.click(way)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.click("#as-pictures")
    open_first(page)
    assert page.evaluate("document.getElementById('case').scrollWidth") == 360


def test_volumes_are_drawn_with_webgl(opened: Open) -> None:
    page = opened(made.with_volumes(made.facts()))
    if not page.evaluate("document.createElement('canvas').getContext('webgl2') !== null"):
        pytest.skip("this Chromium has no WebGL2")
    open_first(page)
    page.get_by_role("button", name="3D").click()
    page.get_by_label("case_0 in three dimensions").wait_for()
    page.get_by_role("button", name="Axial").click()
    picture = Image.open(io.BytesIO(page.locator("#volume-canvas").screenshot())).convert("RGB")
    halves = [colour for number, colour in picture.getcolors(1 << 24) if number > 50_000 and colour != (0, 0, 0)]
    # Six tenths of the colour of the label 2 over the two grey values: the slice goes through the label.
    expected = [[0.4 * value + 0.6 * part for part in (0x56, 0xB4, 0xE9)] for value in (50, 200)]
    assert sorted(halves) == [pytest.approx(colour, abs=2) for colour in expected]


def test_slices_and_volumes_of_a_dataset_open(opened: Open, segconv: Command) -> None:
    """The same from files: what `report_facts` writes is what the scripts read."""
    root = datasets.volumes(segconv.raw, cases=1)
    paths = Paths(segconv.raw, segconv.raw / "none", segconv.raw / "none")
    facts = report_facts(Dataset.open(root), paths, ReportOptions(volumes=True))
    page = opened(facts)
    open_first(page)
    assert page.inner_text("#case-about table >> nth=0").startswith("Class")
    assert len({tuple(grey(page, (x / 20, 0.5))) for x in range(20)}) > 1, "there is a picture"
    page.get_by_role("button", name="3D").click()
    page.get_by_label(f"{facts.cases[0].case} in three dimensions").wait_for()


def test_without_webgl_three_planes_have_sliders(opened: Open) -> None:
    page = opened(made.with_volumes(made.facts()))
    page.evaluate(
        """() => { const own = HTMLCanvasElement.prototype.getContext;
          HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return kind === "webgl2" ? null : own.call(this, kind, ...rest); }; }"""
    )
    open_first(page)
    page.get_by_role("button", name="3D").click()
    page.locator(".plane input").nth(2).wait_for()
    axial = page.locator(".plane").first
    canvas = axial.locator("canvas")
    # x grows to the left of the patient, as the first axis of the file is turned: bright is at the right.
    assert int(axial.locator("input").input_value()) >= 7, "the slice goes through the label"
    axial.locator("input").fill("0")
    assert [canvas.evaluate(PIXEL, [x, 0.5]) for x in (0, 0.95)] == [[50] * 3, [200] * 3]
    axial.locator("input").fill("13")
    mixed = canvas.evaluate(PIXEL, [0, 0.5])
    assert [abs(2 * part - 50 - own) <= 1 for part, own in zip(mixed, (0x56, 0xB4, 0xE9), strict=True)] == [True] * 3
    assert canvas.get_attribute("aria-label") == "axial slice 14 of 14"
