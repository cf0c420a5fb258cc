# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model file that was written anew around the same network goes with the maps of the old one, and no other does."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from older_map import ANSWERS, IN_ANOTHER_RUNTIME, STORED, ask, check
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from two_headed_onnx import both_heads

from vpr_ros.cli import describe_model
from vpr_ros.core.errors import ExportError, MapError
from vpr_ros.core.image_codec import decode_compressed
from vpr_ros.core.local_info import LOCAL_KEY
from vpr_ros.core.model_info import METADATA_KEY
from vpr_ros.export.engine_model import describe_context
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.metadata import set_metadata
from vpr_ros.export.same_outputs import call_as
from vpr_ros.inference import open_extractor, open_local_extractor, shipped_model_path
from vpr_ros.inference.prebuilt import PrebuiltEngine
from vpr_ros.inference.predecessor import PREDECESSOR_KEY, identity_of_file
from vpr_ros.localization import Localizer
from vpr_ros.maps import PlaceMap


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    shutil.copy(STORED / "query.jpg", folder)
    for picture in sorted((STORED / "map" / "thumbnails").iterdir())[::8]:
        shutil.copy(picture, folder)
    return folder


@pytest.fixture
def with_more(tmp_path: Path) -> Path:
    """The shipped network with an inner tensor as a second output, as a local head adds some."""
    model = onnx.load(str(shipped_model_path()))
    inner = next(node for node in model.graph.node if node.op_type == "Conv").output[0]
    model.graph.output.append(helper.make_tensor_value_info(inner, TensorProto.FLOAT, None))
    onnx.save(model, str(tmp_path / "more.onnx"))
    return tmp_path / "more.onnx"


def changed(path: Path, change: str) -> Path:
    """The file with a *change*, its metadata kept as most tools keep it."""
    model = onnx.load(str(path))
    if change == "weight":
        weight = model.graph.initializer[0]
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float16(1.01), weight.name))
    else:
        fields = json.loads(next(entry.value for entry in model.metadata_props if entry.key == METADATA_KEY))
        fields["preprocessing"]["aspect"] = "crop"
        set_metadata(model, METADATA_KEY, json.dumps(fields))
    onnx.save(model, str(path))
    return path


def check_refused(path: Path, place_map: PlaceMap) -> str:
    extractor = open_extractor(path)
    with pytest.raises(MapError, match="was built with model") as caught:
        place_map.check_model(extractor.info, extractor.sha256)
    assert "build the map again" in caught.value.remedy and "--same-as" in caught.value.remedy
    return caught.value.problem


def test_the_shipped_network_with_more_outputs_opens_an_old_map_once_it_was_compared(
    with_more: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place_map = PlaceMap.open(STORED / "map")
    check_refused(with_more, place_map)
    options = ["--same-as", str(shipped_model_path()), "--images", str(pictures)]
    assert describe_model.main([str(with_more), "--output", str(with_more), *options]) == 0
    assert "maps of" in capsys.readouterr().out
    image_rgb = decode_compressed((STORED / "query.jpg").read_bytes(), "query.jpg")
    extractor = open_extractor(with_more)
    place_map.check_model(extractor.info, extractor.sha256)
    check(ask(Localizer(extractor, place_map), image_rgb, ANSWERS[0]), ANSWERS[0], IN_ANOTHER_RUNTIME)
    assert identity_of_file(with_more).file_sha256 == hashlib.sha256(with_more.read_bytes()).hexdigest()
    onnx.save(onnx.load(str(with_more)), str(with_more))  # another order of the same fields
    assert open_extractor(with_more).sha256 == place_map.manifest.model.sha256
    for change in ("weight", "preprocessing"):
        spoiled = changed(Path(shutil.copy(with_more, with_more.with_name(f"{change}.onnx"))), change)
        assert change in check_refused(spoiled, place_map).replace("sha256", "weight")


def test_another_network_is_not_called_the_same(with_more: Path, pictures: Path) -> None:
    before = changed(with_more, "weight").read_bytes()
    with pytest.raises(ExportError, match=r"other descriptors .*cosine 0\.\d+ at worst over 5 images, needed 0\.99999"):
        call_as(with_more, shipped_model_path(), ImageFolder.open(pictures))
    assert with_more.read_bytes() == before
    shutil.copy(shipped_model_path(), with_more)
    with pytest.raises(ExportError, match=r"does not describe images as .*preprocessing"):
        call_as(changed(with_more, "preprocessing"), shipped_model_path(), ImageFolder.open(pictures))


def test_local_features_keep_their_name_where_they_are_the_same_and_only_there(tmp_path: Path, pictures: Path) -> None:
    old = both_heads(tmp_path / "old.onnx")
    images = ImageFolder.open(pictures)
    same, trained_on = both_heads(tmp_path / "same.onnx", more=True), both_heads(tmp_path / "other.onnx", seed=1)
    assert call_as(same, old, images).local
    assert not call_as(trained_on, old, images).local
    digest = hashlib.sha256(old.read_bytes()).hexdigest()
    assert open_extractor(same).sha256 == open_extractor(trained_on).sha256 == digest
    assert open_local_extractor(same).sha256 == digest != open_local_extractor(trained_on).sha256
    third = both_heads(tmp_path / "third.onnx")
    call_as(third, same, images)  # whose own name is not the one that maps know
    assert open_extractor(third).sha256 == open_local_extractor(third).sha256 == digest


def test_images_in_which_nothing_is_found_do_not_make_local_features_the_same(tmp_path: Path) -> None:
    old, other = both_heads(tmp_path / "old.onnx"), both_heads(tmp_path / "other.onnx", seed=1)
    (tmp_path / "walls").mkdir()
    for level in (40, 200):
        Image.new("RGB", (128, 48), (level, level, level)).save(tmp_path / "walls" / f"{level}.png")
    found = call_as(other, old, ImageFolder.open(tmp_path / "walls"))
    assert found.images == 2 and not found.local
    assert open_local_extractor(other).sha256 != open_local_extractor(old).sha256


@pytest.mark.parametrize("as_node", [False, True])
def test_what_the_hash_does_not_cover_is_refused(tmp_path: Path, pictures: Path, as_node: bool) -> None:
    old, new = both_heads(tmp_path / "old.onnx"), both_heads(tmp_path / "new.onnx")
    model = onnx.load(str(new))
    if as_node:  # weights in a node's attribute
        filters = next(weights for weights in model.graph.initializer if weights.name == "filters")
        model.graph.node.insert(0, helper.make_node("Constant", [], ["filters"], value=filters))
        del model.graph.initializer[[weights.name for weights in model.graph.initializer].index("filters")]
        whole = copy.deepcopy(list(model.graph.initializer))  # saving moves them out
    onnx.save(model, str(new), None, save_as_external_data=True, location="w", size_threshold=0, convert_attribute=True)
    if as_node:
        model = onnx.load(str(new), load_external_data=False)
        del model.graph.initializer[:]
        model.graph.initializer.extend(whole)
        onnx.save(model, str(new))
    with pytest.raises(ExportError, match="lie in another file"):
        call_as(new, old, ImageFolder.open(pictures))


def test_an_engine_stands_for_the_first_file_itself(tmp_path: Path, pictures: Path) -> None:
    old, new = both_heads(tmp_path / "old.onnx"), both_heads(tmp_path / "new.onnx", more=True)
    call_as(new, old, ImageFolder.open(pictures))
    model = onnx.load(str(new))
    del model.graph.node[:]
    engine = helper.make_node("EPContext", ["image"], ["descriptor"], domain="com.microsoft", embed_mode=1)
    model.graph.node.append(engine)
    onnx.save(model, str(tmp_path / "compiled.onnx"))
    engine_entry = PrebuiltEngine("new.onnx", open_extractor(new).sha256, "Orin (8.7)", "10.3.0", "1.23.2", 16)
    describe_context(tmp_path / "compiled.onnx", new, tmp_path / "engine.onnx", engine_entry)
    keys = {entry.key for entry in onnx.load(str(tmp_path / "engine.onnx")).metadata_props}
    assert keys >= {METADATA_KEY, LOCAL_KEY} and PREDECESSOR_KEY not in keys
    assert engine_entry.source_sha256 == hashlib.sha256(old.read_bytes()).hexdigest()
