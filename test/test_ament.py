"""What ROS's build farm looks at, by its own tools: they are there where ROS is."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = "http://download.ros.org/schema/package_format3.xsd"
REASON = "needs ROS 2's "


def test_every_file_names_its_copyright_and_licence(capsys: pytest.CaptureFixture[str]) -> None:
    tool = pytest.importorskip("ament_copyright.main", reason=f"{REASON}ament_copyright")
    paths = [ROOT / name for name in ("vpr_ros", "launch", "test", "CONTRIBUTING.md", "LICENSE")]
    assert tool.main([str(path) for path in paths]) == 0, capsys.readouterr().err


def test_package_xml_follows_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    tool = pytest.importorskip("ament_xmllint.main", reason=f"{REASON}ament_xmllint")
    assert SCHEMA in (ROOT / "package.xml").read_text()
    try:
        urllib.request.urlopen(SCHEMA, timeout=10).close()
    except OSError as failure:
        pytest.skip(f"the schema cannot be reached: {SCHEMA} ({failure})")
    assert tool.main([str(ROOT / "package.xml")]) == 0, capsys.readouterr().err


def test_setup_py_and_package_xml_name_the_same_people() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    setup = (ROOT / "setup.py").read_text()
    assert f'author="{package.findtext("author")}"' in setup
    maintainer = package.find("maintainer")
    assert maintainer is not None
    assert f'maintainer="{maintainer.text}"' in setup
    assert f'maintainer_email="{maintainer.get("email")}"' in setup
