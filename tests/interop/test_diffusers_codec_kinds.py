import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinema.interop.diffusers_codec_kinds import KINDS, lengthen

diffusers = pytest.importorskip("diffusers")


@pytest.mark.parametrize("name", KINDS)
def test_every_class_exists_and_its_pipeline_applies_what_the_table_says(name):
    """The pipeline's source names the statistics that are followed."""
    assert hasattr(diffusers, name)
    root = next(iter(diffusers.__path__))
    with open(f"{root}/pipelines/{KINDS[name].pipeline}") as file:
        source = file.read()
    followed = set(KINDS[name].statistics)
    if name == "AutoencoderKL":  # pictures' pipelines differ; those with latents_mean are SDXL's
        followed -= {"latents_mean", "latents_std"}
    assert followed <= {s for s in followed if f".{s}" in source}
    absent = {"shift_factor", "scaling_factor"} - followed
    assert not [s for s in absent if f"vae.config.{s}" in source]


@given(n=st.integers(1, 40), ratio=st.sampled_from([(9, 8), (3, 2), (1, 4), (1, 1)]))
def test_lengthening_repeats_the_last_entry_up_to_whole_blocks(n, ratio):
    first, block = ratio
    x = torch.arange(n, dtype=torch.float32).view(1, 1, n, 1, 1)
    y = lengthen(x, first, block).flatten()
    assert torch.equal(y[:n], x.flatten()) and (y[n:] == n - 1).all()
    if n == 1:
        assert len(y) == 1
    else:
        assert len(y) >= first and (len(y) - first) % block == 0
        assert len(y) - n < max(first, block)
