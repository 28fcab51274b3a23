from __future__ import annotations

import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ground_builders import make_run, mission_of, small_film
from PIL import Image

from skycrane.errors import InputError
from skycrane.ground.stage import cut, develop
from skycrane.mission import Mission
from skycrane.page.markup import Html, element, embedded_json
from skycrane.page.stage import page
from skycrane.relay.ledger import LedgerRow, write_ledger
from skycrane.relay.transfer import PassRecord
from skycrane.stage import StageContext

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\" & --> {{7*7}}"
)


def context_of(directory: Path, mission: Mission | None = None) -> StageContext:
    return StageContext(
        directory=directory, mission=mission or mission_of(**small_film()), workers=2
    )


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy run with every product the page shows."""
    directory = tmp_path_factory.mktemp("landed")
    make_run(directory)
    develop(context_of(directory))
    cut(context_of(directory))
    sound = directory / "products" / "sound"
    sound.mkdir()
    rng = np.random.default_rng(1)
    for name in ("raw", "clean", "residual"):
        soundfile.write(sound / f"{name}.flac", 0.1 * rng.standard_normal(48_000), 48_000)
    Image.new("RGB", (64, 32), (20, 30, 40)).save(directory / "products" / "spectrogram.png")
    row = LedgerRow(
        "rdc.mcap", "0" * 16, 123_456, "a", "a", True, 100, 4, 1, 5, 130_000, 1, 1, 1, 900.0
    )
    (directory / "relay").mkdir()
    write_ledger(directory / "relay" / "ledger.sqlite", [row], [PassRecord(1, "orbiter", 600.0)])
    page(context_of(directory))
    return directory


class Tags(html.parser.HTMLParser):
    """Every element of a page, in order, and the text of some."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"img", "input", "meta", "link", "br", "source"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.words += data


def data_of(text: str) -> dict:
    found = re.search(r'<script type="application/json" id="landing-data">(.*?)</script>', text)
    assert found
    return json.loads(found[1])


def test_the_page_is_one_well_formed_file_that_asks_no_network(landed: Path) -> None:
    text = (landed / "index.html").read_text()
    parsed = Tags(text)
    assert not parsed.open
    addresses = [a[key] for _, a in parsed.tags for key in ("src", "href", "poster") if a.get(key)]
    for address in addresses:
        assert not re.match(r"[a-z]+:|//|/", address) or address == "data:,"
        if address != "data:," and not address.startswith("#"):
            assert (landed / address).is_file()
    assert "@import" not in text
    assert "fetch(" not in text
    scripts = [a for tag, a in parsed.tags if tag == "script"]
    assert [a.get("type") for a in scripts] == ["application/json", None]
    assert len(text.encode()) < 400_000


def test_the_data_is_the_landings(landed: Path) -> None:
    data = data_of((landed / "index.html").read_text())
    assert data["opens_s"] == pytest.approx(16.0)
    assert {e["label"] for e in data["events"]} >= {"Touchdown", "Parachute deploy"}
    lengths = {len(column) for column in data["series"].values()}
    assert len(lengths) == 1
    assert np.isfinite(data["series"]["altitude_m"]).all()
    assert data["captions"][0]["text"]


def test_every_picture_has_words_and_every_control_a_name(landed: Path) -> None:
    parsed = Tags((landed / "index.html").read_text())
    for tag, attributes in parsed.tags:
        if tag == "img":
            assert "alt" in attributes
        if tag == "input" and attributes.get("type") == "range":
            assert attributes.get("aria-label")
    for words in ("Simulated and flown", "As recorded", "The way home", "rdc.mcap", "Touchdown"):
        assert words in parsed.words


def test_events_stand_beside_the_flown_ones(landed: Path, tmp_path: Path) -> None:
    words = Tags((landed / "index.html").read_text()).words
    # The toy touches down at 27.0 s, the flown vehicle did at 418.07 s.
    assert "27.0 s418.1 s−391.1 s" in words


def test_a_hostile_title_is_only_text(tmp_path: Path) -> None:
    make_run(tmp_path)
    hostile = mission_of(title=HOSTILE, **small_film(milestones={"touchdown": HOSTILE}))
    page(context_of(tmp_path, hostile))
    text = (tmp_path / "index.html").read_text()
    parsed = Tags(text)
    assert not parsed.open
    assert [a.get("type") for tag, a in parsed.tags if tag == "script"] == [
        "application/json", None,
    ]  # fmt: skip
    assert not [a for _, a in parsed.tags if any(name.startswith("on") for name in a)]
    assert "document.title='owned'" in parsed.words


@pytest.mark.parametrize("there", [(), ("flight",)])
def test_missing_pieces_are_said_plainly(tmp_path: Path, there: tuple[str, ...]) -> None:
    if "flight" in there:
        make_run(tmp_path)
    page(context_of(tmp_path))
    words = Tags((tmp_path / "index.html").read_text()).words
    for sentence in ("no film", "no stills yet", "no sound yet", "Nothing has been relayed"):
        assert sentence in words
    assert ("Nothing has flown yet" in words) == (not there)


@pytest.mark.parametrize(
    "damaged",
    ["products/landing.otio", "products/landing.vtt", "products/stills/featured.png",
     "relay/ledger.sqlite", "flight/events.json"],
)  # fmt: skip
def test_damaged_products_are_one_clear_error(landed: Path, tmp_path: Path, damaged: str) -> None:
    shutil.copytree(landed, tmp_path, dirs_exist_ok=True)
    (tmp_path / damaged).write_bytes(b"\xff\xfe damaged")
    before = (tmp_path / "index.html").read_bytes()
    with pytest.raises(InputError):
        page(context_of(tmp_path))
    assert (tmp_path / "index.html").read_bytes() == before


def test_the_same_run_gives_the_same_page(landed: Path, tmp_path: Path) -> None:
    shutil.copytree(landed, tmp_path, dirs_exist_ok=True)
    page(context_of(tmp_path))
    assert (tmp_path / "index.html").read_bytes() == (landed / "index.html").read_bytes()


@pytest.mark.parametrize("value", [HOSTILE, "\u2028</SCRIPT>", {"</script>": ["<!--", "]]>"]}])
def test_embedded_json_cannot_end_its_element(value: object) -> None:
    block = embedded_json("x", value)
    inner = block[block.index(">") + 1 : -len("</script>")]
    assert "<" not in inner
    assert json.loads(inner) == value


def test_embedded_json_refuses_nan() -> None:
    with pytest.raises(ValueError):
        embedded_json("x", float("nan"))


def test_markup_escapes_text_and_keeps_html() -> None:
    made = element("p", "a < b", Html("<b>c</b>"), class_='"x"', data_at=None, hidden=True)
    assert made == '<p class="&quot;x&quot;" hidden>a &lt; b<b>c</b></p>'


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine to open the page with")
def test_the_page_comes_alive_in_a_browser(landed: Path, tmp_path: Path) -> None:
    command = [
        chromium() or "", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=4000", "--dump-dom", (landed / "index.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    dom = done.stdout
    assert '<html lang="en" class="alive">' in dom, done.stderr[-2000:]
    assert dom.count("<canvas") == 3
    assert re.search(r'<div id="sounds" class="together', dom)
    captions = re.search(r"<button[^>]*id=\"captions-toggle\"[^>]*>", dom)
    assert captions
    assert "hidden" not in captions[0]
    assert re.search(r"data-readout=\"\">[\d.]+ k?m<", dom)
    uncaught = [line for line in done.stderr.splitlines() if "CONSOLE" in line and "rror" in line]
    assert not uncaught
