"""A headless Chromium for the tests of the report, spoken to by the DevTools protocol over a pipe.

Nothing but the browser is needed: no driver, no socket, no package. SIMPLESEG_CHROMIUM names one not on the PATH.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Escape": 27, "Tab": 9}
TROUBLE = ("Log.entryAdded", "Runtime.exceptionThrown", "Page.javascriptDialogOpening")
SECONDS = 120


class Browser:
    """One tab. `events` are what the browser said since the page was opened."""

    def __init__(self, chromium: str, profile: Path):
        to_read, self.to = os.pipe()
        self.back, back_write = os.pipe()
        switches = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
        command = [chromium, *switches, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{back_write}', "bash", *command],
            pass_fds=(to_read, back_write),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(back_write)
        self.n_calls, self.received, self.events, self.session = 0, b"", [], {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def receive(self) -> dict:
        while b"\0" not in self.received:
            assert select.select([self.back], [], [], SECONDS)[0], "the browser does not answer"
            part = os.read(self.back, 1 << 20)
            assert part, "the browser ended"
            self.received += part
        message, self.received = self.received.split(b"\0", 1)
        return json.loads(message)

    def call(self, method: str, **parameters) -> dict:
        self.n_calls += 1
        message = {"id": self.n_calls, "method": method, "params": parameters, **self.session}
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while (answer := self.receive()).get("id") != self.n_calls:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, page: Path, width: int, height: int, dark: bool = False) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        phone = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **phone)
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def run(self, script: str):
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def wait(self, condition: str) -> None:
        """For what follows an event that the browser has only queued."""
        end = time.monotonic() + SECONDS
        while not self.run(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.05)

    def press(self, key: str, times: int = 1) -> None:
        named = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        for _ in range(times):
            self.call("Input.dispatchKeyEvent", type="keyDown", **named, **({"text": "\r"} if key == "Enter" else {}))
            self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def click(self, selector: str) -> None:
        """A real click in the middle of the element, which has to be what lies there."""
        place = f"document.querySelector({json.dumps(selector)})"
        self.run(f"{place}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        x, y, hit = self.run(
            f"(() => {{ const r = {place}.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;"
            f" return [x, y, {place}.contains(document.elementFromPoint(x, y))]; }})()"
        )
        assert hit, f"{selector} is covered"
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def choose(self, label: str, option: str) -> None:
        """Choose the option that starts with `option` in the filter or sort field of that label."""
        found = self.run(
            f"(() => {{ const label = [...document.querySelectorAll('label')]"
            f".find(one => one.firstChild.textContent.trim() === {json.dumps(label)});"
            f" const select = label.querySelector('select');"
            f" const option = [...select.options].find(one => one.text.startsWith({json.dumps(option)}));"
            f" select.value = option.value; select.dispatchEvent(new Event('change')); return option.text; }})()"
        )
        assert found.startswith(option)

    def text(self, selector: str) -> str:
        return self.run(f"document.querySelector({json.dumps(selector)}).innerText")

    def count(self, selector: str) -> int:
        return self.run(f"document.querySelectorAll({json.dumps(selector)}).length")

    def pixels(self) -> np.ndarray:
        png = base64.b64decode(self.call("Page.captureScreenshot")["data"])
        return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)

    def trouble(self) -> list[dict]:
        """Errors, refused scripts, dialogs, and requests for anything but the page itself and data in it."""
        sent = (event for event in self.events if event["method"] == "Network.requestWillBeSent")
        strange = [e for e in sent if not e["params"]["request"]["url"].startswith(("file:", "data:"))]
        return [event for event in self.events if event["method"] in TROUBLE] + strange

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        os.close(self.to)
        os.close(self.back)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = os.environ.get("SIMPLESEG_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH; name one in SIMPLESEG_CHROMIUM")
    browser = Browser(chromium, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
