"""The layer Mamba, with the parameters of ``mamba_ssm``'s under the same names, so that its weights load.

Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces" (2023), section 3.4 and figure 3.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .kernels import Scan, kernel
from .scan import selective_scan

_SMALLEST_STEP, _LARGEST_STEP, _STEP_FLOOR = 1e-3, 1e-1, 1e-4


class Mamba(nn.Module):
    """A selective state-space layer: (batch, length, `d_model`) to the same shape, each token from those before it.

    Half precision is raised to float32; float32 and float64 stay. Automatic mixed precision is off inside.

    Parameters
    ----------
    d_model
        Features of a token.
    d_state
        States of each inner channel.
    d_conv
        Width of the causal convolution, in tokens.
    expand
        Inner channels for each feature.
    """

    def __init__(self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2) -> None:
        super().__init__()
        inner, rank = expand * d_model, math.ceil(d_model / 16)
        self.sizes = [rank, d_state, d_state]
        self.in_proj = nn.Linear(d_model, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, d_conv, padding=d_conv - 1, groups=inner)
        self.x_proj = nn.Linear(inner, sum(self.sizes), bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.arange(1, d_state + 1, dtype=torch.float32).log().repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, d_model, bias=False)
        self._start_steps(rank)

    def _start_steps(self, rank: int) -> None:
        """Draw step sizes log-uniformly; the bias is what softplus makes them of."""
        nn.init.uniform_(self.dt_proj.weight, -(rank**-0.5), rank**-0.5)
        low, high = math.log(_SMALLEST_STEP), math.log(_LARGEST_STEP)
        with torch.no_grad():
            step = torch.exp(torch.rand_like(self.D) * (high - low) + low).clamp(min=_STEP_FLOOR)
            self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (batch, length, `d_model`), float32 or float64."""
        with torch.autocast(device_type=tokens.device.type, enabled=False):
            raised = tokens.float() if tokens.dtype in (torch.float16, torch.bfloat16) else tokens
            x, gate = self.in_proj(raised).chunk(2, dim=-1)
            x = self.conv1d(x.transpose(1, 2))[..., : tokens.shape[1]]
            x = functional.silu(x).transpose(1, 2)
            step, into, out = self.x_proj(x).split(self.sizes, dim=-1)
            step = functional.linear(step, self.dt_proj.weight)  # the kernel wants it without bias
            found: Tensor = self.out_proj(self._scanned(x, gate, step, into, out))
            return found

    def _scanned(self, x: Tensor, gate: Tensor, step: Tensor, into: Tensor, out: Tensor) -> Tensor:
        """Scan and gate: by the compiled kernel on a CUDA device that has one, otherwise by ours."""
        scan = kernel().scan if x.is_cuda and x.dtype == torch.float32 else None
        if scan is None:
            return self._ours(x, gate, step, into, out)
        return self._compiled(scan, x, gate, step, into, out)

    def _ours(self, x: Tensor, gate: Tensor, step: Tensor, into: Tensor, out: Tensor) -> Tensor:
        delta = functional.softplus(step + self.dt_proj.bias)
        y = selective_scan(x, delta, self._rates(), into, out) + self.D * x
        return y * functional.silu(gate)

    def _compiled(self, scan: Scan, x: Tensor, gate: Tensor, step: Tensor, into: Tensor, out: Tensor) -> Tensor:
        u, delta, b, c, z = (one.transpose(1, 2).contiguous() for one in (x, step, into, out, gate))
        bias = self.dt_proj.bias
        y: Tensor = scan(u, delta, self._rates(), b, c, self.D, z=z, delta_bias=bias, delta_softplus=True)
        return y.transpose(1, 2)

    def _rates(self) -> Tensor:
        return -torch.exp(self.A_log)
