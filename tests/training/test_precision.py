import pytest
import torch

from closedbook.config import TrainingConfig
from closedbook.errors import UserError
from closedbook.training import precision
from closedbook.training.loop import refuse_bad_compiler
from closedbook.training.precision import resolve_precision


def test_the_capability_in_force_decides(monkeypatch):
    config, cpu = TrainingConfig(batch_tokens=1, micro_batches=1, warmup_steps=0), torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    for capability, limit, expected in (
        ("AVX512", None, "bf16"),
        ("AVX512", "AVX512_CORE_AMX", "bf16"),
        ("AVX512", "AVX2", "fp32"),
        ("AVX512", "AVX512_CORE", "fp32"),
        ("AVX2", None, "fp32"),
        ("DEFAULT", None, "fp32"),
    ):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda capability=capability: capability)
        if limit:
            monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
        else:
            monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
        assert resolve_precision(config, cpu) == expected
    monkeypatch.setattr(precision, "cpu_computes_bf16", lambda: True)
    fixed = TrainingConfig(batch_tokens=1, micro_batches=1, warmup_steps=0, precision="fp32")
    assert resolve_precision(fixed, cpu) == "fp32"


def test_compiling_is_refused_where_the_compiler_errs(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    with pytest.raises(UserError, match="torch's compiled attention is wrong on this processor"):
        refuse_bad_compiler(torch.device("cpu"))
    refuse_bad_compiler(torch.device("cuda"))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    refuse_bad_compiler(torch.device("cpu"))
