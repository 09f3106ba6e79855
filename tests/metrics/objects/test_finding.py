import json

from kinema.metrics.objects.finding import Finding, cannot_tell


def test_a_finding_has_three_verdicts():
    assert Finding(True, 0.0, "px").verdict == "holds"
    assert Finding(False, 3.0, "px", [4]).verdict == "violated"
    assert cannot_tell("px", "it is dark").verdict == "cannot tell"


def test_what_is_not_there_is_null_in_json():
    entry = json.loads(json.dumps(cannot_tell("px", "it is dark").as_json()))
    assert entry["value"] is None
    assert entry["note"] == "it is dark"
