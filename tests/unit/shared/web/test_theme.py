"""Contrast of what is drawn on what, computed from the style sheets as they are served.  Spec: WCAG 2.2 §1.4.3, §1.4.11."""

import re
from importlib import resources

import pytest

CSS = "".join((resources.files("shared.web") / "static" / name).read_text() for name in ("andamio.css", "andamio-more.css"))
ROOT: dict[str, str] = dict(re.findall(r"--govuk-([a-z-]+)-colour:(#[0-9a-f]{3,6})", CSS))
WHITE, SECONDARY_BUTTON = "#ffffff", "#e3e7eb"

TEXT_PAIRS = [
    ("text", "body-background"),
    ("text", "surface-background"),
    ("text", "template-background"),
    ("secondary-text", "body-background"),
    ("secondary-text", "surface-background"),
    ("link", "body-background"),
    ("link", "surface-background"),
    ("link-visited", "body-background"),
    ("link-hover", "body-background"),
    ("error", "body-background"),
    ("success", "body-background"),
    ("focus-text", "focus"),
]
CONTROL_PAIRS = [("input-border", "body-background"), ("error", "body-background"), ("focus-text", "focus"), ("success", "body-background")]


def channels(colour: str) -> list[float]:
    plain = colour.lstrip("#")
    full = "".join(c * 2 for c in plain) if len(plain) == 3 else plain
    return [int(full[i : i + 2], 16) / 255 for i in (0, 2, 4)]


def luminance(colour: str) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_formula_gives_the_known_values() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(("front", "back"), TEXT_PAIRS)
def test_text_can_be_read(front: str, back: str) -> None:
    assert contrast(ROOT[front], ROOT[back]) >= 4.5


@pytest.mark.parametrize(("front", "back"), CONTROL_PAIRS)
def test_controls_can_be_seen(front: str, back: str) -> None:
    assert contrast(ROOT[front], ROOT[back]) >= 3


def test_the_tokens_are_the_theme_s() -> None:
    expected = {
        "brand": "#124d87",
        "text": "#1d2733",
        "link": "#124d87",
        "error": "#b3261e",
        "success": "#0b6b3a",
        "focus": "#ffd54a",
        "surface-background": "#f3f5f7",
    }
    assert {name: ROOT[name] for name in expected} == expected


@pytest.mark.parametrize("background", ["#124d87", "#0b6b3a", "#b3261e"])
def test_white_on_header_and_buttons_can_be_read(background: str) -> None:
    assert background in CSS
    assert contrast(WHITE, background) >= 4.5


def test_ink_on_the_secondary_button_can_be_read() -> None:
    assert SECONDARY_BUTTON in CSS
    assert contrast(ROOT["text"], SECONDARY_BUTTON) >= 4.5


def test_every_tag_can_be_read() -> None:
    tags = re.findall(r"\.govuk-tag(--[a-z]+)?\{([^}]*)\}", CSS)
    pairs = {name: (colour(body, "color"), colour(body, "background-color")) for name, body in tags if "background-color" in body}
    assert {"", "--green", "--red", "--yellow", "--grey"} <= set(pairs)
    for name, (front, back) in pairs.items():
        assert contrast(front, back) >= 4.5, name


def colour(body: str, name: str) -> str:
    """Read a colour of a rule: `#rrggbb`, `rgb(n%, …)` or `hsl(…)`; a variable through the root."""
    found = re.search(rf"(?:^|;){name}:([^;]+)", body)
    assert found is not None
    value = str(found[1])
    if variable := re.fullmatch(r"var\(--govuk-([a-z-]+)-colour\)", value):
        return ROOT[str(variable[1])]
    if parts := re.fullmatch(r"rgb\(([\d.]+)%, ?([\d.]+)%, ?([\d.]+)%\)", value):
        return "#" + "".join(f"{round(float(part) * 2.55):02x}" for part in parts.groups())
    if parts := re.fullmatch(r"hsl\(([\d.]+), ?([\d.]+)%, ?([\d.]+)%\)", value):
        import colorsys

        hue, saturation, lightness = (float(part) for part in parts.groups())
        return "#" + "".join(f"{round(c * 255):02x}" for c in colorsys.hls_to_rgb(hue / 360, lightness / 100, saturation / 100))
    return value


def test_nothing_of_others_identity_is_in_the_style_sheets() -> None:
    assert not re.search(r"GDS Transport|crest|crown|https?://", CSS, re.IGNORECASE)


def test_focus_is_always_visible() -> None:
    """No rule takes an outline away on focus without putting something in its place."""
    for selector, body in re.findall(r"([^{}]*:focus[^{}]*)\{([^}]*)\}", CSS):
        if "outline:none" in body.replace(" ", "") or "outline:0" in body.replace(" ", ""):
            assert "box-shadow" in body, selector
