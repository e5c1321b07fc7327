"""The page in a browser: headless Chromium, without a GPU and without a network."""

import contextlib
import json
import threading
from collections.abc import Iterator

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
from partnerface.viewing.command import description, serving  # noqa: E402
from partnerface.viewing.scene import Scene  # noqa: E402
from partnerface.viewing.subject import load_clip, load_subject  # noqa: E402
from tests.viewing.chromium import CHROMIUM, FLAGS  # noqa: E402
from tests.viewing.toy import FRAMES, PARTS, write_toy  # noqa: E402

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
PATIENCE_MS = 120_000


@contextlib.contextmanager
def served(scene, levels=(96,)) -> Iterator[str]:
    """The viewer's address. Its pictures stay small: an untrained avatar is all fog, and takes long."""
    with serving(scene, "127.0.0.1", 0) as server:
        server.description = json.dumps(description(scene) | {"levels": levels}).encode()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    run = write_toy(tmp_path_factory.mktemp("page") / "me")
    subject = load_subject(run)
    return Scene(subject, load_clip(run.parent, subject))


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


class Page:
    """The viewer as somebody sees it; collects what went wrong."""

    def __init__(self, browser, url):
        self.page = browser.new_page(viewport={"width": 1280, "height": 800})
        self.page.set_default_timeout(PATIENCE_MS)
        self.wrong, self.sizes = [], []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda line: self.wrong.append(line.text) if line.type == "error" else None)
        self.page.on("request", lambda request: self._heed(request, url))
        self.page.goto(url)

    def _heed(self, request, ours):
        if request.url == f"{ours}/picture":
            self.sizes.append(request.post_data_json["size"])
        elif not request.url.startswith((ours, "blob:", "data:")):
            self.wrong.append(request.url)

    def settled(self):
        """The canvas, once it is as fine as it gets."""
        self.page.wait_for_timeout(50)
        self.page.locator('#picture[aria-busy="false"]').wait_for()
        return self.page.locator("#picture").evaluate("canvas => canvas.toDataURL()")

    def value(self, key):
        """Where a slider stands."""
        return float(self.page.locator(f"#slider-{key}").input_value())


@pytest.fixture
def page(scene, browser):
    with served(scene) as url:
        made = Page(browser, url)
        yield made
        assert not made.wrong
        made.page.close()


def test_a_coarse_picture_comes_first_and_then_finer_ones(scene, browser):
    with served(scene, levels=(96, 128, 256)) as url:
        page = Page(browser, url)
        page.settled()
        # How many times a size is asked for hangs on how busy the machine is.
        assert page.sizes == sorted(page.sizes)
        assert page.sizes[0] < page.sizes[-1] == 256
        assert page.page.locator("#status").get_attribute("data-size") == "256"
        assert int(page.page.locator("#status").get_attribute("data-answer")) > 0
        page.page.close()


def test_sliders_move_the_face_and_go_back(page):
    rest, closed = page.settled(), page.value("jaw_open")
    page.page.locator("#slider-jaw_open").fill("25")
    opened = page.settled()
    assert opened != rest
    page.page.locator("#slider-jaw_open").dblclick()
    assert page.settled() == rest
    assert page.value("jaw_open") == closed != 25


def test_left_and_right_go_together_until_they_are_parted(page):
    """One slider for both; then one for each side, as they stand in the picture: the subject's right on the left."""
    first = page.settled()
    further = page.page.locator("details", has_text="Further components")
    further.locator("summary").click()
    page.page.locator("#slider-up_right").fill("0.8")
    both = page.settled()
    assert not page.page.locator("#slider-up_left").is_visible()
    page.page.get_by_text("left and right together").click()
    assert page.value("up_left") == 0.8
    page.page.locator("#slider-up_left").fill("-0.8")
    assert page.settled() not in (first, both)
    assert page.value("up_right") == 0.8
    right, left = (page.page.locator(f"#slider-up_{side}").bounding_box() for side in ("right", "left"))
    assert right["x"] < left["x"]
    page.page.locator("#neutral").click()
    assert page.settled() == first


def test_the_mouse_goes_round_the_head_and_back(page):
    front = page.settled()
    box = page.page.locator("#picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    for step in range(1, 6):
        page.page.mouse.move(x + 30 * step, y + 5 * step)
    page.page.mouse.up()
    turned = page.settled()
    assert turned != front
    page.page.mouse.wheel(0, -300)
    assert page.settled() != turned
    page.page.locator("#picture").dblclick()
    assert page.settled() == front


def test_parts_are_coloured_and_switched_off(page):
    plain = page.settled()
    page.page.locator("#tab-parts").click()
    coloured = page.settled()
    assert coloured != plain
    assert page.page.locator("#part-list li").count() == PARTS
    page.page.locator("#part-0").uncheck()
    without = page.settled()
    assert without != coloured
    page.page.locator("#all-off").click()
    assert page.page.locator("#part-list input:checked").count() == 0
    page.page.get_by_label("part 2 alone").click()
    assert [page.page.locator(f"#part-{i}").is_checked() for i in range(PARTS)] == [i == 1 for i in range(PARTS)]
    page.page.locator("#all-on").click()
    assert page.settled() == coloured


def test_the_clip_plays_and_is_scrubbed(page):
    neutral = page.settled()
    page.page.locator("#scrub").fill("5")
    fifth = page.settled()
    assert fifth != neutral
    assert page.value("front") != 0
    page.page.locator("#slider-jaw_open").fill("20")
    assert page.settled() != fifth
    page.page.get_by_role("button", name="Undo 1 edit").click()
    assert page.settled() == fifth
    page.page.get_by_role("button", name="play").click()
    seen = set()
    for _ in range(400):
        seen.add(int(page.page.locator("#scrub").input_value()))
        if len(seen) > 3:
            break
        page.page.wait_for_timeout(20)
    page.page.get_by_role("button", name="pause").click()
    assert len(seen) > 3
    assert max(seen) < FRAMES
    page.page.locator("#neutral").click()
    assert page.settled() == neutral


def test_the_page_says_when_the_viewer_is_gone(scene, browser):
    with served(scene) as url:
        page = Page(browser, url)
        page.settled()
    page.page.locator("#slider-jaw_open").fill("9")
    page.page.get_by_role("alert").filter(has_text="closed").wait_for()
    page.page.close()
