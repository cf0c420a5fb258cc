# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""PCA with whitening: the last layer of NetVLAD's deployed descriptors (docs/methods.md 2.3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import TrainingError

EIGENVALUE_FLOOR = 1e-9


class PcaWhitening(nn.Module):
    """A linear layer followed by L2 normalisation.

    Args:
        in_dim: D of the descriptors it reads.
        out_dim: D of the descriptors it gives.
    """

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.out_dim = out_dim
        self.linear = nn.Linear(in_dim, out_dim)

    def forward(self, descriptors: Tensor) -> Tensor:
        """(B, in_dim) -> (B, out_dim), L2-normalised."""
        return functional.normalize(self.linear(descriptors), dim=1)

    @torch.no_grad()
    def fit(self, descriptors: npt.ArrayLike, strength: float = 1.0) -> None:
        """Set the layer from (n, in_dim) descriptors of the training set's map images.

        Args:
            descriptors: finite numbers.
            strength: see ``pca_whitening``.

        Raises:
            TrainingError: fewer descriptors than components, or a strength outside 0..1.
        """
        weight, bias = pca_whitening(descriptors, self.out_dim, strength)
        self.linear.weight.copy_(torch.from_numpy(weight.T))
        self.linear.bias.copy_(torch.from_numpy(bias))

    @torch.no_grad()
    def cropped(self, out_dim: int) -> PcaWhitening:
        """Keep the first *out_dim* components; valid because they are whitened."""
        if not 0 < out_dim <= self.out_dim:
            raise TrainingError(
                f"{out_dim} components wanted of a whitening with {self.out_dim}", f"Choose 1 to {self.out_dim}"
            )
        smaller = PcaWhitening(self.linear.in_features, out_dim)
        smaller.linear.weight.copy_(self.linear.weight[:out_dim])
        smaller.linear.bias.copy_(self.linear.bias[:out_dim])
        return smaller.to(self.linear.weight)


def pca_whitening(
    descriptors: npt.ArrayLike, dim: int, strength: float = 1.0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Principal components divided by their deviation.

    Args:
        descriptors: (n, D).
        dim: components to keep, at most min(n - 1, D).
        strength: power of the deviation they are divided by: 1 whitens, 0 only rotates. Full whitening of few training
            images makes much of directions that are noise elsewhere; a half is safer there.

    Returns:
        W (D, dim) and b (dim,) of y = W^T x + b; the entry of largest magnitude of each column is positive.

    Raises:
        TrainingError: not enough descriptors, or numbers that are not finite.
    """
    x = np.asarray(descriptors, dtype=np.float64)
    if x.ndim != 2 or not 0 < dim <= min(x.shape[0] - 1, x.shape[1]) or not np.isfinite(x).all():
        raise TrainingError(
            f"PCA whitening to {dim} dimensions from finite descriptors of shape {x.shape}",
            f"Expected (n, D) with n > {dim} and D >= {dim}: give more images or a smaller dimension",
        )
    if not 0.0 <= strength <= 1.0:
        raise TrainingError(f"whitening strength {strength:g}", "Expected 0 (rotate only) to 1 (whiten)")
    mean = x.mean(axis=0)
    eigenvalues, vectors = _principal_components(x - mean, dim)
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(dim)])
    weight = vectors / (eigenvalues + EIGENVALUE_FLOOR) ** (strength / 2.0)
    return weight, -mean @ weight


def _principal_components(
    centred: npt.NDArray[np.float64], dim: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return eigenvalues (dim,) and vectors (D, dim) of the covariance, largest first."""
    count, width = centred.shape
    if width <= count:
        values, vectors = np.linalg.eigh(centred.T @ centred / (count - 1))
        return np.maximum(values[::-1][:dim], 0.0), vectors[:, ::-1][:, :dim]
    # dual: the n x n Gram matrix has the same eigenvalues, and X^T u the direction of the eigenvectors
    values, duals = np.linalg.eigh(centred @ centred.T / (count - 1))
    vectors = centred.T @ duals[:, ::-1][:, :dim]
    return np.maximum(values[::-1][:dim], 0.0), vectors / np.maximum(np.linalg.norm(vectors, axis=0), 1e-300)
