# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What code and documents refer to is in the repository: sections of docs/methods.md, files, links, golden files."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from clone_files import clone_files

from vpr_ros.inference import open_extractor

ROOT = Path(__file__).resolve().parents[1]
TEXT = {".py", ".md", ".rst", ".yaml", ".sh", ".toml", ".cfg", ".xml", ".in"}
SECTION = r"\d+(?:\.\d+)?"
CITATION = re.compile(rf"docs/methods\.md ({SECTION}(?:(?:, | to | and ){SECTION})*)")
OUTSIDE = re.compile(r"\bMETHODS\b|\.\./shared\b")
NAMED_DOCUMENT = re.compile(r"(?<![\w./-])docs/[\w-]+\.md")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def texts() -> Iterator[tuple[str, str]]:
    """Name and content of every text file a clone holds, but for this one."""
    for name in clone_files():
        path = ROOT / name
        if path.suffix in TEXT and path.is_file() and path != Path(__file__):
            yield name, path.read_text(encoding="utf-8")


def anchors(document: str) -> set[str]:
    """The names under which a document's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", document, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_cited_section_of_the_methods_exists() -> None:
    sections = set(re.findall(rf"^#+ ({SECTION}) ", (ROOT / "docs" / "methods.md").read_text(), flags=re.MULTILINE))
    cited = [
        (name, number) for name, text in texts() for c in CITATION.findall(text) for number in re.findall(SECTION, c)
    ]
    assert len(cited) > 40
    assert [(name, number) for name, number in cited if number not in sections] == []


def test_nothing_points_out_of_the_repository() -> None:
    assert [(name, found) for name, text in texts() for found in OUTSIDE.findall(text)] == []


def test_every_named_document_exists() -> None:
    named = {(name, document) for name, text in texts() for document in NAMED_DOCUMENT.findall(text)}
    assert {(name, document) for name, document in named if not (ROOT / document).is_file()} == set()


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = []
    for name, text in texts():
        links = LINK.findall(text) if name.endswith(".md") else []
        for file, _, anchor in (link.partition("#") for link in links if "://" not in link):
            target = (ROOT / name).parent / file if file else ROOT / name
            if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
                broken.append((name, f"{file}#{anchor}"))
    assert broken == []


def test_what_a_user_is_told_is_the_fact_and_not_its_section() -> None:
    """Docstrings cite; a string that is handed on, to an error or a line of output, must not."""
    offenders = []
    for file in sorted((ROOT / "vpr_ros").rglob("*.py")):
        tree = ast.parse(file.read_text())
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        told = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in prose]
        offenders += [f"{file}:{node.lineno}" for node in told if "methods.md" in str(node.value)]
    assert offenders == []


def test_every_golden_file_says_where_it_comes_from() -> None:
    data = ROOT / "test" / "data"
    named = re.findall(r"^\| `([\w.]+)` \| (\S.*?) \|", (data / "README.md").read_text(), flags=re.MULTILINE)
    assert sorted(name for name, _ in named) == sorted(path.name for path in (data / "golden").iterdir())


def test_the_recipe_is_still_that_of_the_model_that_ships() -> None:
    """The model names its recipes, and the text of the last one by its hash; values of the first must not change."""
    recipe = ROOT / "config" / "recipes" / "vpr_nano.yaml"
    values = json.dumps(yaml.safe_load(recipe.read_text()), sort_keys=True).encode()
    assert hashlib.sha256(values).hexdigest() == "675872d575f1d9f92df12bbf031dcdcaa7c9e92223ddb36fb6039c41a38b6df8"
    info = open_extractor().info
    assert info.recipe == "vpr_nano.yaml + local_head.yaml"
    assert info.recipe_sha256 == hashlib.sha256((recipe.parent / "local_head.yaml").read_bytes()).hexdigest()
