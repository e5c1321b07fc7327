"""How long the viewer takes to answer: `python -m tests.viewing.latency AVATAR [COUNT]`.

Moves the slider of the jaw in headless Chromium, while finer pictures are being made, and takes the time from the
slider's event to the frame of the browser that shows the first picture after it, as the page measures it.
"""

import statistics
import subprocess
import sys

from playwright.sync_api import sync_playwright

from tests.viewing.chromium import CHROMIUM, FLAGS

PAUSES_MS = (150, 400, 900, 2500)


def main() -> None:
    """Start a viewer, measure, print."""
    avatar, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 40
    command = [sys.executable, "-m", "partnerface", "view", avatar, "--port", "0", "--no-browser"]
    viewer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert viewer.stdout is not None
    try:
        url = next(word for word in viewer.stdout.readline().split() if word.startswith("http://"))
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(url)
            page.locator('#picture[aria-busy="false"]').wait_for(timeout=300_000)
            answers, sizes = [], []
            for number in range(count):
                # While the second, the third or no further picture is being made.
                page.wait_for_timeout(PAUSES_MS[number % len(PAUSES_MS)])
                before = page.locator("#status").get_attribute("data-answers")
                page.locator("#slider-jaw_open").fill(str(2 + number % 20))
                page.locator(f'#status:not([data-answers="{before}"])').wait_for(state="attached")
                answers.append(int(page.locator("#status").get_attribute("data-answer") or 0))
                sizes.append(int(page.locator("#status").get_attribute("data-first") or 0))
            browser.close()
    finally:
        viewer.kill()
    answers.sort()
    print(
        f"{count} moves of a slider: median {statistics.median(answers):.0f} ms, "
        f"95 % within {answers[int(0.95 * (count - 1))]} ms, worst {answers[-1]} ms; "
        f"first pictures of {min(sizes)} to {max(sizes)} px"
    )


if __name__ == "__main__":
    main()
