import json

import pytest

from kinema.metrics.objects.finding import Finding, cannot_tell, needs_objects
from kinema.metrics.objects.tracks import Followed


def followed(doubt="", still=True):
    return Followed([], (32, 32), 8, 10.0, doubt, still)


@needs_objects("px")
def anywhere(objects, offset=0.0):
    return Finding(True, 1.0 + offset)


@needs_objects("px", at_rest=True)
def at_rest(objects):
    return Finding(True, 1.0)


def test_a_finding_has_three_verdicts():
    assert Finding(True, 0.0, "px").verdict == "holds"
    assert Finding(False, 3.0, "px", [4]).verdict == "violated"
    assert cannot_tell("it is dark").verdict == "cannot tell"


def test_what_is_not_there_is_null_in_json():
    entry = json.loads(json.dumps(cannot_tell("it is dark").as_json()))
    assert entry["value"] is None
    assert entry["note"] == "it is dark"


@pytest.mark.parametrize("probe", [anywhere, at_rest])
def test_a_probe_is_asked_only_where_objects_are_found(probe):
    assert probe(followed()).holds and probe(followed()).unit == "px"
    refused = probe(followed(doubt="it is dark"))
    assert (refused.verdict, refused.unit, refused.note) == ("cannot tell", "px", "it is dark")


def test_only_probes_of_positions_need_a_background_at_rest():
    moving = followed(still=False)
    assert anywhere(moving).holds
    assert at_rest(moving).note == "the background moves"


def test_options_reach_the_probe():
    assert anywhere(followed(), offset=2.0).value == anywhere(followed(), 2.0).value == 3.0
