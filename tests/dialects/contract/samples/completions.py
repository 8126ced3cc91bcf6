"""Bodies of legacy completions."""

from __future__ import annotations

from tests.dialects.contract.samples.common import Sample

REQUEST = Sample(
    base={"model": "asked", "prompt": "def add("},
    settings={"stream_options": {"stream": True}},
    values={"logit_bias": {"50256": -100}},
)
