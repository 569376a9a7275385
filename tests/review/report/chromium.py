"""Chromium as the tests of pages drive it: the one that is installed, without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE_MS = 180_000
"""No test fails because the machine is busy."""

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a browser; skip the test where none is installed, unless ``SEGCONV_REQUIRE_CHROMIUM`` is 1."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        missing = f"Chromium is not installed: none of {', '.join(NAMES)} is on the path"
        (pytest.fail if os.environ.get("SEGCONV_REQUIRE_CHROMIUM") == "1" else pytest.skip)(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # Chromium's own sandbox cannot start as root, and the pages are our own. Without a GPU, WebGL is software.
        args = ["--no-sandbox", "--enable-unsafe-swiftshader"]
        browser = driver.chromium.launch(executable_path=program, args=args)
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page that was opened from disk, and what it did.

    Parameters
    ----------
    browser
        Of `chromium`.
    path
        Its file.
    how
        Of the browser's context, such as ``color_scheme``.
    """

    def __init__(self, browser: Any, path: Path, **how: Any) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        context = browser.new_context(**how)
        context.set_default_timeout(PATIENCE_MS)
        self.page = context.new_page()
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def close(self) -> tuple[list[str], list[str]]:
        """Close it; return what it said on the console, and what it asked for except its own file."""
        own = self.page.url.partition("#")[0]
        self.page.context.close()
        # Without a GPU, WebGL warns that reading pixels is slow.
        said = [text for text in self.said if "GL Driver Message" not in text]
        return said, [url for url in self.asked if url != own and not url.startswith("data:")]
