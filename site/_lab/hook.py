"""What mkdocs asks while it builds: the pages made of labs, code and schemas, and their places.

Labs are shown with the names that seed 1 draws, which are those of a plain `labcheck up`; `labcheck docs`
says in `extra` which labs, and which seeds and prefixes they run with. Nothing about a lab is written twice.
"""

from __future__ import annotations

from pathlib import Path

from coverage import covered, practising
from labs import tabs
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from references import references
from templates import render, short

from labcheck.lab.blocks import blocks
from labcheck.lab.curriculum import COMPETENCIES
from labcheck.lab.find import lab_folders, labs_folder
from labcheck.lab.load import load
from labcheck.lab.pages import guide, under_prefix
from labcheck.lab.variant import DEFAULT_SEED, Variant, variant

_PICTURE = "path.svg"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Reads the labs, and gives each its place in the navigation."""
    beside = Path(config.config_file_path).parent
    running = config.extra.get("running", {})
    folders = lab_folders(labs_folder(config.extra.get("labs"), beside))
    variants = [_variant(it, *running.get(it.name, (DEFAULT_SEED, ""))) for it in folders]
    config.extra["variants"] = variants
    learn = next(entry["Learn"] for entry in config.nav if "Learn" in entry)
    learn += [{f"{short(it).removeprefix('lab-')} {it.lab.title}": f"labs/{it.lab.id}.md"} for it in variants]
    return config


def _variant(folder: Path, seed: int, prefix: str) -> Variant:
    return under_prefix(variant(load(folder), seed), prefix)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    variants = config.extra["variants"]
    pages = {
        "labs/index.md": render("labs.md.jinja", labs=variants),
        "exam.md": render("exam.md.jinja", labs=variants, domains=covered(variants)),
        **{f"labs/{it.lab.id}.md": _lab(it) for it in variants},
        **references(),
    }
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: object) -> str:
    """Shows blocks that a test executes as any other; ends a concept with the labs that practise it."""
    lines = markdown.split("\n")
    for block in blocks(Path(page.file.src_uri), lines, 1):
        if block.run:
            lines[block.line - 2] = lines[block.line - 2].removesuffix(" run")
    if competencies := page.meta.get("practise"):
        found = practising(config.extra["variants"], competencies)
        lines += ["", render("practise.md.jinja", found=found)]
    return "\n".join(lines)


def _lab(shown: Variant) -> str:
    picture = shown.folder / _PICTURE
    return render(
        "lab.md.jinja",
        variant=shown,
        guide=guide(shown),
        tabs=tabs(shown),
        competencies=COMPETENCIES,
        picture=picture.read_text(encoding="utf-8").strip() if picture.is_file() else "",
    )
