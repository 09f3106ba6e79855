"""Questions to one finished model, each answer beside its floor and its ceiling.

`PROBES` says what every `kinema probe NAME` asks, `MOVED` what is a study, from a clone.
"""

PROBES = {
    "attention": "where does a patch that moves at constant velocity look in time?",
    "codec": "what does a codec lose, beside simple ways to keep as many values?",
    "consistency": "do things stay what they are?",
    "drift": "what is left of a video after a thousand frames, by every strategy?",
    "explain": "which scene of the world would look like this, and what is left over?",
    "occlusion": "a thing passes out of sight; does it come out again as itself?",
    "physics": "does a model go on as mechanics would, in and out of distribution?",
    "prompts": "does the video show what the prompt says, and do its frames agree?",
}
MOVED = {
    "diffusability": "studies.diffusability",
    "ladder": "studies.ladder",
    "metrics": "studies.ruler",
    "scaling": "studies.scaling",
}

__all__ = ["MOVED", "PROBES"]
