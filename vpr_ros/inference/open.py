# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Open a model file: hash it, choose what runs it, and say what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import onnxruntime

from vpr_ros.core.errors import ConfigError, ModelError
from vpr_ros.core.local_info import LocalModel
from vpr_ros.core.paths import user_path
from vpr_ros.inference.buffers import with_buffers
from vpr_ros.inference.engine_cache import default_engine_cache, engine_folder, tensorrt_options
from vpr_ros.inference.gpu_libraries import check_libraries, installed_gpu, installed_tensorrt
from vpr_ros.inference.local_extractor import LOCAL_OUTPUTS, LocalSession, OnnxLocalExtractor
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.options import CPU, TENSORRT, EventLog, InferenceEvent, InferenceOptions
from vpr_ros.inference.prebuilt import PrebuiltEngine, read_engine
from vpr_ros.inference.predecessor import ModelIdentity, identity_of_file
from vpr_ros.inference.session import OUTPUT, ModelSession
from vpr_ros.inference.shipped import shipped_model_path

Session = TypeVar("Session", ModelSession, LocalSession)


def open_extractor(
    model: Path | None = None, options: InferenceOptions | None = None, *, with_local: bool = False
) -> OnnxExtractor:
    """Open *model*, or the shipped one.

    With *with_local* its run gives local features too, where the file says that they take the same preprocessing;
    without, what they alone need is not computed.

    The best provider that works answers at once. Where that would be TensorRT, whose first engine takes minutes to
    build, the next best answers until the engine is ready. An engine makes no use of the option ``buffers``.

    A file that carries its TensorRT engine (``prebuilt``) is run by TensorRT or not at all.

    Raises:
        ConfigError: none of the wanted providers is installed.
        ModelError: the file is missing, is no place recognition model, or does not run here.
    """
    options = options or InferenceOptions()
    path = _model_path(model)
    log = EventLog(options.on_event)
    engine = read_engine(path)
    if engine is not None:
        session = open_prebuilt(path, engine, options)
        log(InferenceEvent("chosen", session.provider, f"{session.provider} runs the engine in {path.name}"))
        return OnnxExtractor(
            session, engine.source_sha256, log, engine.source_local_sha256
        )  # an engine gives all it was built with
    wanted = _installed(options.providers)
    at_once = [provider for provider in wanted if provider != TENSORRT] or [CPU]
    only, identity = None if with_local else (OUTPUT,), identity_of_file(path)
    plain = _first_that_works(ModelSession, path, at_once, options, log, only)
    session = with_buffers(
        plain, options.buffers, lambda more: ModelSession(path, plain.provider, more, options.threads, only=only), log
    )
    extractor = OnnxExtractor(session, identity.descriptor_sha256, log, identity.local_sha256)
    if TENSORRT in wanted and _can_start(TENSORRT, log):
        extractor.upgrade_in_background(lambda: _open_tensorrt(path, identity.file_sha256, options, only), TENSORRT)
    return extractor


def open_local_model(
    extractor: OnnxExtractor, named: Path | None = None, options: InferenceOptions | None = None
) -> LocalModel | None:
    """What finds local features beside *extractor*: the model *named* for it, else its own file where that gives any.

    In one run with the descriptor where *extractor* was opened with the local features of that same file.

    Raises:
        ConfigError, ModelError: see ``open_local_extractor``.
    """
    if extractor.local is not None and (named is None or is_model(named, extractor.identity)):
        return extractor.local
    if named is None and not extractor.has_local:
        return None
    return open_local_extractor(named or extractor.path, options)


def model_identity(model: Path | None) -> ModelIdentity:
    """What *model*, or the shipped one, is called in maps: with an engine inside, as the file it was made of.

    Raises:
        ModelError: the file is missing, or describes an engine or a predecessor that cannot be read.
    """
    path = _model_path(model)
    engine = read_engine(path)
    if engine is None:
        return identity_of_file(path)
    return ModelIdentity(engine.source_sha256, engine.source_sha256, engine.source_local_sha256 or engine.source_sha256)


def open_local_extractor(model: Path, options: InferenceOptions | None = None) -> OnnxLocalExtractor:
    """Open a model that gives local features, on the best provider that works; TensorRT is passed over.

    Raises:
        ConfigError: none of the wanted providers is installed.
        ModelError: the file is missing, gives no local features, does not say so, or does not run here.
    """
    options = options or InferenceOptions()
    path = user_path(model, "the local model")
    if not path.is_file():
        raise ModelError(f"no model at {path}", "Give an ONNX file with local features")
    log = EventLog(options.on_event)
    wanted = [provider for provider in _installed(options.providers) if provider != TENSORRT] or [CPU]
    session = _first_that_works(LocalSession, path, wanted, options, log, LOCAL_OUTPUTS)
    return OnnxLocalExtractor(session, identity_of_file(path).local_sha256)


def is_model(named: Path, identity: ModelIdentity) -> bool:
    """Whether the file *named* gives the descriptors and the local features of this model.

    Raises:
        ConfigError: no path that a user can mean.
        ModelError: it describes an engine or a predecessor that cannot be read.
    """
    path = user_path(named, "the local model")
    return path.is_file() and model_identity(path).is_same_network(identity)


def open_prebuilt(path: Path, engine: PrebuiltEngine, options: InferenceOptions) -> ModelSession:
    """Open a file that carries its engine.

    Raises:
        ModelError: TensorRT is not wanted, not there, or another one than the engine's, or the GPU is.
    """
    holds = f"{path} holds an engine for {engine.built_for}"
    remedy = f"Give the model it was made of, {engine.source}, or make the engine again here with `export_model`"
    installed = onnxruntime.get_available_providers()
    if TENSORRT not in installed:
        raise ModelError(f"{holds}, this onnxruntime has no {TENSORRT}, only {', '.join(installed)}", remedy)
    if TENSORRT not in options.providers:
        raise ModelError(f"{holds}, and the providers do not name {TENSORRT}", f"Add it, or: {remedy}")
    try:
        return ModelSession(path, TENSORRT, {}, options.threads, max_batch=engine.max_batch)
    except ModelError as error:
        here = f"{installed_gpu()} and TensorRT {installed_tensorrt()}"
        raise ModelError(f"{holds}, here is {here}: {error.problem}", remedy) from error


def _model_path(model: Path | None) -> Path:
    path = shipped_model_path() if model is None else user_path(model, "the model")
    if not path.is_file():
        raise ModelError(f"no model at {path}", "Give an ONNX file, or leave --model out for the shipped one")
    return path


def _installed(providers: tuple[str, ...]) -> list[str]:
    installed = onnxruntime.get_available_providers()
    found = [provider for provider in providers if provider in installed]
    if not found:
        raise ConfigError(
            f"the providers {list(providers)} were asked for, this onnxruntime has {installed}",
            "Install onnxruntime-gpu, or ask for CPUExecutionProvider",
        )
    return found


def _can_start(provider: str, log: EventLog) -> bool:
    """Whether the libraries of *provider* are there; what is missing is said once."""
    try:
        check_libraries(provider)
    except ModelError as error:
        log(InferenceEvent("fallback", provider, str(error)))
        return False
    return True


def _first_that_works(
    kind: type[Session],
    path: Path,
    providers: list[str],
    options: InferenceOptions,
    log: EventLog,
    only: Sequence[str] | None,
) -> Session:
    for provider in providers[:-1]:
        try:
            session = kind(path, provider, {}, options.threads, only=only)
        except ModelError as error:
            log(InferenceEvent("fallback", provider, str(error)))
            continue
        log(InferenceEvent("chosen", provider, f"{provider} runs {path.name}"))
        return session
    session = kind(path, providers[-1], {}, options.threads, only=only)
    log(InferenceEvent("chosen", session.provider, f"{session.provider} runs {path.name}"))
    return session


def _open_tensorrt(path: Path, sha256: str, options: InferenceOptions, only: Sequence[str] | None) -> ModelSession:
    cache = engine_folder(options.engine_cache or default_engine_cache(), sha256)
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"TensorRT engines cannot be kept in {cache} ({error.strerror})", "Choose another engine_cache"
        ) from error
    return ModelSession(path, TENSORRT, tensorrt_options(cache), options.threads, only=only)
