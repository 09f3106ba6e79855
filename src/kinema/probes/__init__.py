"""Questions to one finished model, each answer beside its floor and its ceiling.

`PROBES` names the function behind every `kinema probe NAME`, `MOVED` what is a study, from a clone.
"""

PROBES = {
    "attention": "kinema.probes.attention:run",
    "codec": "kinema.probes.codec:run",
    "consistency": "kinema.probes.consistency:run",
    "drift": "kinema.probes.drift:run",
    "occlusion": "kinema.probes.occlusion:run",
    "physics": "kinema.probes.physics:run",
    "prompts": "kinema.probes.prompts:run",
}

MOVED = {
    "diffusability": "studies.diffusability",
    "ladder": "studies.ladder",
    "metrics": "studies.ruler",
    "scaling": "studies.scaling",
}

__all__ = ["MOVED", "PROBES"]
