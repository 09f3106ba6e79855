import pytest
import torch

from kinema.errors import UserError
from kinema.interop.strict_loading import check_report, load_network

diffusers = pytest.importorskip("diffusers")


def test_a_report_names_what_is_wrong():
    with pytest.raises(ValueError, match="'a' is missing, and 1 others are wrong"):
        check_report({"missing_keys": {"a"}, "unexpected_keys": ["b"], "mismatched_keys": []})
    check_report({"missing_keys": set(), "unexpected_keys": []})


def test_values_that_are_not_finite_are_refused(tmp_path):
    network = diffusers.AutoencoderKL(block_out_channels=(4,), norm_num_groups=1)
    network.save_pretrained(tmp_path / "whole")
    load_network(diffusers.AutoencoderKL, tmp_path / "whole", "diffusers", torch.float32)
    with torch.no_grad():
        next(network.parameters()).fill_(torch.nan)
    network.save_pretrained(tmp_path / "nan")
    with pytest.raises(UserError, match="NaN or infinite"):
        load_network(diffusers.AutoencoderKL, tmp_path / "nan", "diffusers", torch.float32)
