"""The page in a real browser: Chromium through Playwright, where both are installed."""

import re
import shutil
import time

import pytest

from lookhear.soundstage.scene.structure import Plan, draw
from lookhear.soundstage.write.render import render
from tests.serve.live import live

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason="no chromium here: apt-get install chromium")]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 90_000  # milliseconds, on a busy machine


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    from random import Random

    folder = tmp_path_factory.mktemp("clips")
    for number in range(2):
        render(draw(Random(number), Plan(), 8.0, 3, str(number)), folder / f"{number}.mp4")
    return sorted(folder.glob("*.mp4"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with live(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser, server):
    """A page that fails the test where its console shows an error."""
    errors = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(server.url)
    yield tab
    context.close()
    assert not errors


def bring(page, clip):
    page.set_input_files("#file", clip)
    page.locator("#strip img").first.wait_for()
    page.locator("#progress").wait_for(state="hidden")


def ask(page, question, count):
    page.fill("#question", question)
    page.keyboard.press("Enter")
    page.locator(".answer").nth(count - 1).wait_for()
    return page.locator(".answer .said").first.inner_text()


def test_a_clip_is_brought_asked_muted_and_swapped(page, clips):
    bring(page, clips[0])
    ask(page, "How many instruments are sounding in the video?", 1)
    ask(page, "Which instrument plays first?", 2)
    card = page.locator(".answer").first
    assert {"Eye alone", "Ear alone"} <= set(card.locator("dt").all_inner_texts())
    moment = card.locator("button.heard, button.seen").first
    start = float(re.search(r"[\d.]+", moment.inner_text())[0])
    moment.click()
    time.sleep(0.3)
    assert abs(page.evaluate("document.getElementById('video').currentTime") - start) < 2
    assert page.locator("#lit span").count() >= 1
    page.select_option("#sound", "blank")
    page.locator(".answer").nth(2).wait_for()
    assert "sound off" in page.locator(".answer").first.inner_text()
    with page.expect_file_chooser() as chooser:
        page.select_option("#sound", "upload")
    chooser.value.set_files(clips[1])
    page.locator(".answer").nth(3).wait_for()
    assert "sound of 1.mp4" in page.locator(".answer").first.inner_text()
    with page.expect_download() as saved:
        page.select_option("#format", "webvtt")
        page.click("#export")
    assert saved.value.suggested_filename == "timeline.vtt"


def test_a_link_opens_a_clip_at_a_second_with_its_question(page, clips, browser):
    bring(page, clips[0])
    said = ask(page, "Which instrument plays first?", 1)
    page.evaluate("document.getElementById('video').currentTime = 4")
    page.click("#share")
    other = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True).new_page()
    other.goto(page.url)
    other.locator(".answer").first.wait_for(timeout=PATIENCE)
    assert other.locator(".answer .said").first.inner_text() == said
    assert abs(other.evaluate("document.getElementById('video').currentTime") - 4) < 0.5
    assert other.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    other.context.close()


def test_the_keyboard_alone_will_do(page, clips):
    bring(page, clips[0])
    page.locator("#time").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    time.sleep(0.3)
    assert page.evaluate("document.getElementById('video').currentTime") == pytest.approx(2, abs=0.1)
    assert page.locator("#time").get_attribute("aria-valuetext").startswith("2.0 of 8")
    reached = []
    page.locator("#theme").focus()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert {"file", "record", "video", "time", "picture", "sound", "question", "ask-button"} <= set(reached)


def test_a_slow_upload_shows_its_progress_and_is_cancelled(page, clips, tmp_path):
    large = tmp_path / "large.mp4"
    large.write_bytes(clips[0].read_bytes() + bytes(4_000_000))
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 200, "downloadThroughput": 100_000, "uploadThroughput": 200_000}
    network.send("Network.emulateNetworkConditions", slow)
    page.set_input_files("#file", large)
    page.get_by_text(re.compile(r"Sending large.mp4: [1-9]")).wait_for()
    page.click("#progress-cancel")
    page.locator("#progress").wait_for(state="hidden")
    time.sleep(1)
    assert not page.locator("#alert").is_visible()


def test_a_key_is_asked_for_once(browser, tmp_path, monkeypatch, clips):
    monkeypatch.setenv("LOOKHEAR_API_KEYS", "k" * 24)
    with live(tmp_path) as server:
        tab = browser.new_context().new_page()
        tab.set_default_timeout(PATIENCE)
        tab.goto(server.url)
        tab.locator("#login").wait_for()
        tab.fill("#key", "wrong")
        tab.keyboard.press("Enter")
        tab.get_by_text("The key is not known").wait_for()
        tab.fill("#key", "k" * 24)
        tab.keyboard.press("Enter")
        tab.locator("#login").wait_for(state="hidden")
        bring(tab, clips[0])
        ask(tab, "Which instrument plays first?", 1)
        tab.context.close()
