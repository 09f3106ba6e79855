"""LoRA files under five kinds of names: the same change as merged by hand, or a refusal."""

import copy

import pytest
import torch
from safetensors.torch import save_file

from kinema.errors import UserError
from kinema.interop.lora import add_lora
from kinema.interop.official import Official
from tests.interop import tiny

RANK, ALPHA = 2, 4.0
LAYERS = {  # names of diffusers: those of the original
    f"blocks.{i}.{ours}": f"blocks.{i}.{theirs}"
    for i in range(2)
    for ours, theirs in [
        *((f"attn{n}.to_{x}", f"{where}.{x}")
          for n, where in ((1, "self_attn"), (2, "cross_attn")) for x in "qkv"),
        ("attn1.to_out.0", "self_attn.o"), ("attn2.to_out.0", "cross_attn.o"),
        ("ffn.net.0.proj", "ffn.0"), ("ffn.net.2", "ffn.2"),
    ]
}  # fmt: skip


@pytest.fixture
def wan():
    return Official.of(copy.deepcopy(tiny.built("wan_two_experts")))


def factors():
    """down and up of every layer."""
    network, generator = tiny.built("wan").transformer, torch.Generator().manual_seed(0)
    made = {}
    for name in LAYERS:
        out, into = network.get_submodule(name).weight.shape
        made[name] = (
            torch.randn(RANK, into, generator=generator),
            torch.randn(out, RANK, generator=generator),
        )  # fmt: skip
    return made


def written(path, naming, alpha=ALPHA):
    tensors, metadata = {}, None
    for name, (down, up) in factors().items():
        tensors |= naming(name, down, up, torch.tensor(alpha))
    save_file({k: t.contiguous() for k, t in tensors.items()}, path, metadata)
    return path


def diffusers_names(name, down, up, alpha, prefix="transformer."):
    return {f"{prefix}{name}.lora_A.weight": down, f"{prefix}{name}.lora_B.weight": up,
            f"{prefix}{name}.alpha": alpha}  # fmt: skip


NAMINGS = {
    "diffusers": diffusers_names,
    "bare": lambda *args: diffusers_names(*args, prefix=""),
    "peft": lambda *args: diffusers_names(*args, prefix="base_model.model."),
    "comfy": lambda name, down, up, alpha: {
        f"diffusion_model.{LAYERS[name]}.lora_down.weight": down,
        f"diffusion_model.{LAYERS[name]}.lora_up.weight": up,
        f"diffusion_model.{LAYERS[name]}.alpha": alpha,
    },
    "musubi": lambda name, down, up, alpha: {
        f"lora_unet_{LAYERS[name].replace('.', '_')}.lora_down.weight": down,
        f"lora_unet_{LAYERS[name].replace('.', '_')}.lora_up.weight": up,
        f"lora_unet_{LAYERS[name].replace('.', '_')}.alpha": alpha,
    },
}


@pytest.mark.parametrize("naming", NAMINGS)
def test_the_change_is_that_by_hand(wan, tmp_path, naming):
    file = written(tmp_path / "lora.safetensors", NAMINGS[naming])
    before = copy.deepcopy(wan.experts.networks)
    assert add_lora(wan, file, scale=0.5) == 2 * len(LAYERS)
    for network, old in zip(wan.experts.networks, before, strict=True):
        for name, (down, up) in factors().items():
            expected = old.get_submodule(name).weight + 0.5 * ALPHA / RANK * up @ down
            torch.testing.assert_close(
                network.get_submodule(name).weight, expected, atol=1e-6, rtol=1e-6
            )


@pytest.mark.parametrize("experts, changed", [("high", [True, False]), ("low", [False, True])])
def test_one_expert_alone(wan, tmp_path, experts, changed):
    file = written(tmp_path / "lora.safetensors", diffusers_names)
    name = next(iter(LAYERS))
    before = [n.get_submodule(name).weight.clone() for n in wan.experts.networks]
    add_lora(wan, file, experts=experts)
    now = [n.get_submodule(name).weight for n in wan.experts.networks]
    assert [not torch.equal(*pair) for pair in zip(before, now, strict=True)] == changed


def test_the_alpha_that_diffusers_writes_counts(tmp_path):
    """An adapter of peft, saved by the pipeline: as the pipeline with the adapter."""
    peft = pytest.importorskip("peft")
    pipe = copy.deepcopy(tiny.built("wan"))
    config = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["to_q", "to_v"])
    pipe.transformer.add_adapter(config)
    for name, tensor in pipe.transformer.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(tensor, std=0.5)
    state = peft.get_peft_model_state_dict(pipe.transformer)
    metadata = {"transformer": pipe.transformer.peft_config["default"].to_dict()}
    type(pipe).save_lora_weights(
        tmp_path, transformer_lora_layers=state,
        transformer_lora_adapter_metadata=metadata["transformer"],
    )  # fmt: skip
    merged = Official.of(copy.deepcopy(tiny.built("wan")))
    add_lora(merged, tmp_path / "pytorch_lora_weights.safetensors")
    inputs = {
        "hidden_states": torch.randn(1, 4, 3, 4, 4), "timestep": torch.tensor([500.0]),
        "encoder_hidden_states": torch.randn(1, 8, 16), "return_dict": False,
    }  # fmt: skip
    with torch.no_grad():
        pipe.transformer.eval()
        with_adapter, plain = pipe.transformer(**inputs)[0], tiny.built("wan").transformer(**inputs)
        ours = merged.experts.networks[0](**inputs)[0]
    assert (with_adapter - plain[0]).abs().max() > 0.01
    torch.testing.assert_close(ours, with_adapter, atol=2e-6, rtol=1e-5)


def renamed(name, down, up, alpha):
    return diffusers_names(name.replace("blocks.1", "blocks.9"), down, up, alpha)


@pytest.mark.parametrize("naming, sentence", [
    (renamed, "no 'transformer.blocks.9"),
    (lambda n, d, u, a: diffusers_names(n, d, 0 * u, a), "changes nothing"),
    (lambda n, d, u, a: diffusers_names(n, d[:, :5], u, a), "of another model"),
    (lambda n, d, u, a: {f"transformer.{n}.lora_A.weight": d}, "one half of its pair"),
    (lambda n, d, u, a: {f"transformer.{n}.lora_A.weight": d * torch.nan}, "no usable weights"),
    (lambda n, d, u, a: {f"transformer.{n}.dora_scale": a}, "no part of a LoRA"),
])  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_and_nothing_changes(wan, tmp_path, naming, sentence):
    before = {k: t.clone() for k, t in wan.experts.state_dict().items()}
    with pytest.raises(UserError, match=sentence):
        add_lora(wan, written(tmp_path / "lora.safetensors", naming))
    assert all(torch.equal(t, before[k]) for k, t in wan.experts.state_dict().items())


def test_a_pickle_is_not_read(wan, tmp_path):
    torch.save({}, tmp_path / "lora.pt")
    with pytest.raises(UserError, match=r"is not \.safetensors"):
        add_lora(wan, tmp_path / "lora.pt")
