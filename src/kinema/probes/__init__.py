"""Experiments on a finished model or on its videos, each beside its floor and its ceiling.

`PROBES` names the function behind every `kinema probe NAME`; its module is imported only then.
"""

PROBES = {
    "attention": "kinema.probes.attention:run",
    "codec": "kinema.probes.codec:run",
    "consistency": "kinema.probes.consistency:run",
    "diffusability": "kinema.probes.diffusability:run",
    "drift": "kinema.probes.drift:run",
    "ladder": "kinema.probes.ladder:run",
    "metrics": "kinema.probes.metrics:run",
    "occlusion": "kinema.probes.occlusion:run",
    "physics": "kinema.probes.physics:run",
    "prompts": "kinema.probes.prompts:run",
    "scaling": "kinema.probes.scaling:run",
}

__all__ = ["PROBES"]
