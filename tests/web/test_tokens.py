"""Colours reach WCAG 2.2 AA in both themes; style sheets keep to the tokens."""

import re

import pytest

from tests.web.conftest import STATIC

TOKENS = (STATIC / "tokens.css").read_text(encoding="utf-8")
SHEETS = sorted(STATIC.glob("*.css"))
Colours = dict[str, str]

SURFACES = ("bg", "surface", "sunken")
# (text, ground): 4.5 to 1
TEXT_PAIRS = [
    *((text, ground) for text in ("text", "text-soft", "text-muted") for ground in SURFACES),
    *((text, ground) for text in ("accent", "good", "warn", "bad") for ground in SURFACES),
    *((tone, f"{tone}-soft") for tone in ("good", "warn", "bad")),
    *(("text", f"{tone}-soft") for tone in ("accent", "good", "warn", "bad")),
    ("accent", "accent-soft"),
    ("accent-strong", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-bad", "bad"),
    *(("heat-low", f"heat-{i}") for i in range(6)),
    *(("heat-high", f"heat-{i}") for i in range(6, 10)),
]
# (mark or control, ground): 3 to 1
MARK_PAIRS = [
    *((f"series-{i}", "surface") for i in range(1, 7)),
    *(("edge", ground) for ground in ("bg", "surface")),
]


def declarations(selector: str) -> Colours:
    """The custom properties with a plain colour in the first rule of ``selector``."""
    start = TOKENS.index(selector + " {")
    body = TOKENS[start : TOKENS.index("}", start)]
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", body))


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


LIGHT = declarations(':root, [data-theme="light"]')
DARK = declarations('\n[data-theme="dark"]')


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_readable(theme: Colours) -> None:
    poor = {
        pair: round(contrast(theme[pair[0]], theme[pair[1]]), 2)
        for pair in TEXT_PAIRS
        if contrast(theme[pair[0]], theme[pair[1]]) < 4.5
    }
    assert not poor


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_and_controls_stand_out(theme: Colours) -> None:
    poor = {
        pair: round(contrast(theme[pair[0]], theme[pair[1]]), 2)
        for pair in MARK_PAIRS
        if contrast(theme[pair[0]], theme[pair[1]]) < 3
    }
    assert not poor


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_heat_scale_runs_one_way(theme: Colours) -> None:
    levels = [luminance(theme[f"heat-{i}"]) for i in range(10)]
    assert levels in (sorted(levels), sorted(levels, reverse=True))


def test_themes_define_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_device_theme_and_paper_repeat_the_sets() -> None:
    assert declarations('  [data-theme="auto"]') == DARK
    assert declarations("  :root, [data-theme]") == LIGHT


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda p: p.name)
def test_only_tokens_name_colours(sheet) -> None:
    css = sheet.read_text(encoding="utf-8")
    if sheet.name != "tokens.css":
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", css)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda p: p.name)
def test_every_token_used_exists(sheet) -> None:
    known = set(re.findall(r"(--[\w-]+):", TOKENS))
    used = set(re.findall(r"var\((--[\w-]+)\)", sheet.read_text(encoding="utf-8")))
    assert used <= known


def test_spacing_is_in_steps_of_four_and_text_has_five_sizes() -> None:
    steps = [int(v) for v in re.findall(r"--space-\d+: (\d+)px", TOKENS)]
    assert steps
    assert all(step % 4 == 0 for step in steps)
    assert len(re.findall(r"--text-\d: ", TOKENS)) == 5
