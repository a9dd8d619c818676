"""The precision to compute in: what the device in force can do natively, never what a timing says."""

import os
from typing import Literal

import torch

from closedbook.config import TrainingConfig

Precision = Literal["fp32", "bf16"]
ONEDNN_WITH_BF16 = ("BF16", "FP16", "AMX", "AVX10", "ALL", "DEFAULT")
"""Parts of the values of ONEDNN_MAX_CPU_ISA that leave bf16 to the processor."""


def resolve_precision(config: TrainingConfig, device: torch.device) -> Precision:
    """What the configuration's `auto` means on this device."""
    return native_precision(device) if config.precision == "auto" else config.precision


def native_precision(device: torch.device) -> Precision:
    """bf16 where the device computes it natively, else fp32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if device.type == "cpu" and cpu_computes_bf16() else "fp32"


def cpu_computes_bf16() -> bool:
    """Whether matrix products in bf16 are native under the capability in force, which may be less than the processor's.

    `ATEN_CPU_CAPABILITY` and `ONEDNN_MAX_CPU_ISA` hold torch to a lesser processor; emulated bf16 is many times slower
    than fp32.
    """
    allowed = os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()
    return (
        torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        and any(part in allowed for part in ONEDNN_WITH_BF16)
        and torch.cpu._is_avx512_bf16_supported()
    )
