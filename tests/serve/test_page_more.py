"""The page's results, its review sheets, its accessibility and its use by keyboard alone, in a real browser."""

import json
import re
import time

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from lookhear.evaluate.report import report
from lookhear.types import Answer, Clip, Evidence, Example, Segment, Source
from tests.serve.live import live
from tests.serve.test_page import PATIENCE, ask, bring, browser, clips, page, pytestmark  # noqa: F401

KINDS = (("Audio", "Counting"), ("Visual", "Location"))


def evaluation(folder, films, wrong):
    """A saved evaluation of four questions, whose answers at `wrong` are wrong."""
    examples, answers = [], []
    for number in range(4):
        source = Source(films[number % 2].stem, films[number % 2])
        said = "no" if number in wrong else "yes"
        question = f"Is instrument {number} louder?"
        reference = Answer("yes", segments=(Segment("flute", 1.0, 3.0, "audio"),))
        clip = Clip(source, source)
        examples.append(
            Example(str(number), "question_answering", clip, question, reference=reference, kind=KINDS[number % 2])
        )
        evidence = Evidence((0.1, 0.9), (0.5, 0.5), {"audio": {said: 0.6}})
        answers.append(Answer(said, {said: 0.5 + number / 10}, evidence=evidence))
    report(examples, answers).save(folder)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, clips):  # noqa: F811
    root = tmp_path_factory.mktemp("more")
    sheet = root / "sheet.jsonl"
    items = [{"id": f"s{i}", "clip": clips[0].stem, "prompt": "Who?", "reply": f"A flute at {i} s."} for i in range(3)]
    sheet.write_text("".join(json.dumps(item) + "\n" for item in items))
    folders = [evaluation(root / name, clips, wrong) for name, wrong in (("first", {0, 1}), ("second", {1}))]
    options = [word for folder in folders for word in ("--report", folder)]
    with live(root / "data", *options, "--media", clips[0].parent, "--review", sheet) as running:
        yield running


def count(page, text):  # noqa: F811
    page.get_by_text(re.compile(f"^{text} of 4 cases$")).wait_for()


def becomes(shown, condition):
    """Wait until an expression is true; Playwright's own wait is forbidden by the page's content security policy."""
    end = time.monotonic() + PATIENCE / 1000
    while not shown.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.05)


def test_results_are_filtered_played_and_copied(page):  # noqa: F811
    page.click("#views a[data-view=results]")
    count(page, 4)
    for id, value, found in (("right", "false", 2), ("disagree", "1", 1), ("disagree", "", 2), ("right", "", 4)):
        page.select_option(f"#{id}", value)
        count(page, found)
    page.fill("#least", "0.75")
    count(page, 1)
    page.fill("#least", "0")
    page.fill("#words", "instrument 2")
    count(page, 1)
    page.locator("#cases button").first.click()
    page.locator("#case h3").wait_for()
    becomes(page, "document.querySelector('#case video').duration > 7")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("Copy case as JSON").click()
    page.get_by_text("Copied").wait_for()
    assert json.loads(page.evaluate("navigator.clipboard.readText()"))["question"] == "Is instrument 2 louder?"


def test_a_sheet_is_judged_by_keyboard_by_two(page):  # noqa: F811
    page.click("#views a[data-view=review]")
    page.locator("#item blockquote").first.wait_for()
    for reviewer, keys in (("ann", "are"), ("bob", "aaa")):
        page.fill("#reviewer", reviewer)
        page.keyboard.press("Tab")
        for done, key in enumerate(keys):
            page.get_by_text(re.compile(rf"^1 of {3 - done} ·|^{done + 1} of 3 ·")).wait_for()
            page.locator("#item").focus()
            page.keyboard.press(key)
            if key == "e":
                page.locator("#edited").wait_for()
                page.keyboard.type(" And a drum.")
                page.keyboard.press("Control+Enter")
            page.get_by_text(re.compile(rf"{reviewer} {done + 1}\b")).wait_for()
    assert "Krippendorff" in page.locator("#review-count").inner_text()
    page.select_option("#show", "split")
    page.get_by_text("1 of 2 ·").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_axe_finds_no_serious_fault(page, clips, scheme, size):  # noqa: F811
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": size[0], "height": size[1]})

    def faultless(view):
        found = axe.Axe().run(page).response["violations"]
        assert not [(one["impact"], one["id"], one["nodes"][0]["html"]) for one in found], view

    faultless("start")
    bring(page, clips[0])
    ask(page, "Which instrument plays first?", 1)
    faultless("answered")
    for view, there in (("results", "#cases button"), ("review", "#item blockquote")):
        page.click(f"#views a[data-view={view}]")
        page.locator(there).first.click()
        time.sleep(0.5)
        faultless(view)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_asking_seeking_and_muting_by_keyboard_alone(page, clips):  # noqa: F811
    bring(page, clips[0])

    def press_until(key, what):
        for _ in range(60):
            page.keyboard.press(key)
            if page.evaluate(f"document.activeElement.matches({what!r})"):
                return
        raise AssertionError(f"{key} never reaches {what}")

    page.locator("#theme").focus()
    press_until("Tab", "#question")
    page.keyboard.type("Which instrument plays first?")
    page.keyboard.press("Enter")
    page.locator(".answer").first.wait_for()
    press_until("Tab", ".answer button.heard, .answer button.seen")
    start = float(re.search(r"[\d.]+", page.evaluate("document.activeElement.innerText"))[0])
    page.keyboard.press("Enter")
    becomes(page, f"Math.abs(document.getElementById('video').currentTime - {start}) < 2")
    press_until("Shift+Tab", "#sound")
    page.keyboard.press("ArrowDown")
    page.locator(".answer").nth(1).wait_for()
    assert "sound off" in page.locator(".answer").first.inner_text()
