"""Make the style sheets and fonts of shared/web/static from their published packages.  Run by `make vendor`; needs Node.js.

Taken from npm at fixed versions: govuk-frontend (MIT), whose palette is replaced by ours, and Public Sans (OFL), cut to the
letters that Latin alphabets use.  The result is committed, so nothing here runs where the suite is installed.
"""

import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

WEB = Path(__file__).resolve().parent.parent / "shared" / "web"
GOVUK_FRONTEND = "govuk-frontend@6.3.0"
PUBLIC_SANS = "@fontsource/public-sans@5.3.0"
SASS = "sass@1.108.2"
WEIGHTS = (400, 700)
LETTERS = (
    "U+0020-007E,U+00A0,U+00A1,U+00A9,U+00AA,U+00AB,U+00B0,U+00B7,U+00BA,U+00BB,"
    "U+00BF-00FF,U+2013,U+2014,U+2018,U+2019,U+201C,U+201D,U+2022,U+2026"
)
"""Spanish, English, French, Portuguese, Mapudungun, Kreyòl; other letters come from the system's own type."""

MORE = re.compile(
    r"\.govuk-(breadcrumbs|checkboxes|date-input|details|file-upload|grid-column-(?!two-thirds|full)|inset-text|notification-banner|pagination|panel|phase-banner"
    r"|radios|section-break|select|summary|table|tag|textarea|warning-text)"
)
"""Components of the second style sheet; a page that says `light` (signing in) does without them."""

UNUSED_SELECTORS = re.compile(
    r"-frontend-supported|::-moz-focus-inner|--inverse|exit-this-page|file-upload-button__|file-upload-dropzone|js-|-from-desktop|input--extra"
    r"|link-image|link--muted|link--text-colour|button--start|button__start|__divider|radios__conditional|checkboxes__conditional|link--no-underline"
    r"|body-lead|template--rebranded|link--no-visited-state|main-wrapper--|tag--(teal|magenta|brown|purple)|frontend-version|breakpoint"
    r"|width-[45]0|__prefix|__suffix|input__wrapper|clearfix|visually-hidden-focusable|moz-any-link|skip-link-focused|\.govuk-body-l|caption-xl"
)
UNUSED_MEDIA = re.compile(r"print|-ms-|screen[^ ]|min-width: ?1020px|@supports")
UNUSED_DECLARATIONS = re.compile(
    r"^(font-family|-webkit-(?!appearance)[a-z-]+|-m(oz|s)-[a-z-]+|text-decoration-skip|(--govuk-(breakpoint|frontend|print))[a-z-]+)$"
)

Rule = tuple[str, str, str]
"""Condition (`@media …` or empty), selector, declarations."""


def run(*arguments: str, cwd: Path) -> None:
    """Run a command.  Raises: CalledProcessError."""
    subprocess.run(arguments, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def unpack(package: str, into: Path) -> Path:
    """Fetch one npm package and return the folder of its files."""
    into.mkdir()
    run("npm", "pack", "--silent", package, cwd=into)
    with tarfile.open(next(into.glob("*.tgz"))) as archive:
        archive.extractall(into, filter="data")
    return into / "package"


def rules(css: str, condition: str = "") -> Iterator[Rule]:
    """Read compressed CSS into rules, in order.  Fonts keep `@font-face` as their selector."""
    position = 0
    while (opening := css.find("{", position)) != -1:
        prelude, depth, end = css[position:opening].strip(), 1, opening + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(css[end], 0)
            end += 1
        inner = css[opening + 1 : end - 1]
        if prelude.startswith("@supports not (-ms-ime-align"):
            yield from rules(inner, condition)  # every browser in use passes that test
        elif prelude.startswith(("@media", "@supports")):
            yield from rules(inner, prelude)
        else:
            yield condition, prelude, inner
        position = end


def plain(declarations: str) -> str:
    """Shorten colours and numbers, drop fallbacks of custom properties and declarations that no browser in use needs."""
    text = re.sub(r"var\((--[a-z-]+), ?[^()]*(?:\([^()]*\))?\)", r"var(\1)", declarations)
    text = re.sub(
        r"rgb\(([\d.]+)%, ([\d.]+)%, ([\d.]+)%\)", lambda m: "#" + "".join(f"{round(float(p) * 2.55):02x}" for p in m.groups()), text
    )
    text = re.sub(r"rgba\(0, ?0, ?0, ?0\)", "transparent", text)
    text = re.sub(r"(\.\d{4})\d+", r"\1", text)
    kept = [part for part in text.split(";") if part and not UNUSED_DECLARATIONS.match(part.split(":")[0])]
    return ";".join(re.sub(r"^([a-z-]+): ", r"\1:", part) for part in kept)


def trim(css: str) -> list[Rule]:
    """Leave out what our pages never use."""
    kept: list[Rule] = []
    for condition, selector, declarations in rules(css):
        alive = ",".join(part for part in selector.split(",") if not UNUSED_SELECTORS.search(part))
        body = plain(declarations)
        if alive and body and not UNUSED_MEDIA.search(condition):
            kept.append((condition, alive, body))
    return kept


def write(rule_list: Iterable[Rule]) -> str:
    """Write rules as CSS: neighbours with one selector joined, each condition once, after the rules without one."""
    by_condition: dict[str, list[tuple[str, str]]] = {"": []}
    for condition, selector, declarations in rule_list:
        group = by_condition.setdefault(condition, [])
        if group and group[-1][0] == selector and not selector.startswith("@"):
            group[-1] = (selector, group[-1][1] + ";" + declarations)
        else:
            group.append((selector, declarations))
    texts = {condition: "".join(f"{selector}{{{body}}}" for selector, body in group) for condition, group in by_condition.items()}
    return texts.pop("") + "".join(f"{condition}{{{text}}}" for condition, text in texts.items())


def compile_theme(workshop: Path) -> tuple[str, str]:
    """Return the two style sheets: what each page needs, and what longer pages need besides."""
    govuk = unpack(GOVUK_FRONTEND, workshop / "govuk") / "dist" / "govuk"
    (workshop / "load").mkdir()
    govuk.rename(workshop / "load" / "govuk-frontend")
    copyfile(WEB / "theme" / "_palette.scss", workshop / "load" / "govuk-frontend" / "settings" / "_colours-palette--internal.scss")
    run("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", SASS, cwd=workshop)
    compiled = {}
    for name in ("andamio", "frame", "frame-more"):
        run(
            "node_modules/.bin/sass", "--load-path=load", "--style=compressed", "--no-charset", "--no-source-map", "--quiet-deps",
            str(WEB / "theme" / f"{name}.scss"), f"{name}.css", cwd=workshop,
        )  # fmt: skip
        compiled[name] = (workshop / f"{name}.css").read_text(encoding="utf-8").lstrip("\ufeff")
    kept = trim(compiled["andamio"])
    base = write(rule for rule in kept if not MORE.search(rule[1])) + compiled["frame"].strip()
    more = write(rule for rule in kept if MORE.search(rule[1])) + compiled["frame-more"].strip()
    return base, more


def cut_fonts(workshop: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the font files, cut to LETTERS, and their licence."""
    package = unpack(PUBLIC_SANS, workshop / "font")
    for weight in WEIGHTS:
        output = workshop / f"public-sans-{weight}.woff2"
        run(
            sys.executable, "-m", "fontTools.subset", str(package / "files" / f"public-sans-latin-{weight}-normal.woff2"),
            f"--unicodes={LETTERS}", "--layout-features=kern", "--no-hinting", "--flavor=woff2", f"--output-file={output}", cwd=workshop,
        )  # fmt: skip
        yield output.name, output.read_bytes()
    yield "public-sans.LICENSE.txt", (package / "LICENSE").read_bytes()


def main() -> None:
    """Write shared/web/static anew."""
    static = WEB / "static"
    with TemporaryDirectory() as name:
        workshop = Path(name)
        base, more = compile_theme(workshop)
        files = {"andamio.css": base.encode(), "andamio-more.css": more.encode(), **dict(cut_fonts(workshop))}
    for file_name, content in files.items():
        (static / file_name).write_bytes(content)
        print(f"{len(content):7,} bytes  {file_name}")


if __name__ == "__main__":
    main()
