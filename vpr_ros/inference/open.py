"""Open a model file: hash it, choose what runs it, and say what was chosen."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnxruntime

from vpr_ros.core.errors import ConfigError, ModelError
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.options import CPU, TENSORRT, InferenceEvent, InferenceOptions
from vpr_ros.inference.session import ModelSession, default_engine_cache, provider_options
from vpr_ros.inference.shipped import shipped_model_path


def open_extractor(model: Path | None = None, options: InferenceOptions | None = None) -> OnnxExtractor:
    """Open *model*, or the shipped one.

    The best provider that works answers at once. Where that would be TensorRT, whose first engine takes minutes to
    build, the next best answers until the engine is ready.

    Raises:
        ConfigError: none of the wanted providers is installed.
        ModelError: the file is missing, is no place recognition model, or does not run here.
    """
    options = options or InferenceOptions()
    path = shipped_model_path() if model is None else model.expanduser()
    if not path.is_file():
        raise ModelError(f"no model at {path}", "Give an ONNX file, or leave --model out for the shipped one")
    wanted = _installed(options.providers)
    at_once = [provider for provider in wanted if provider != TENSORRT] or [CPU]
    extractor = OnnxExtractor(_first_that_works(path, at_once, options), _sha256(path))
    if TENSORRT in wanted:
        extractor.upgrade_in_background(lambda: _open(path, TENSORRT, options), TENSORRT, options.on_event)
    return extractor


def _installed(providers: tuple[str, ...]) -> list[str]:
    installed = onnxruntime.get_available_providers()
    found = [provider for provider in providers if provider in installed]
    if not found:
        raise ConfigError(
            f"the providers {list(providers)} were asked for, this onnxruntime has {installed}",
            "Install onnxruntime-gpu, or ask for CPUExecutionProvider",
        )
    return found


def _first_that_works(path: Path, providers: list[str], options: InferenceOptions) -> ModelSession:
    for provider in providers[:-1]:
        try:
            session = _open(path, provider, options)
        except ModelError as error:
            options.on_event(InferenceEvent("fallback", provider, str(error)))
            continue
        options.on_event(InferenceEvent("chosen", provider, f"{provider} runs {path.name}"))
        return session
    session = _open(path, providers[-1], options)
    options.on_event(InferenceEvent("chosen", session.provider, f"{session.provider} runs {path.name}"))
    return session


def _open(path: Path, provider: str, options: InferenceOptions) -> ModelSession:
    cache = options.engine_cache or default_engine_cache()
    if provider == TENSORRT:
        cache.mkdir(parents=True, exist_ok=True)
    return ModelSession(path, provider, provider_options(provider, cache), options.threads)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
