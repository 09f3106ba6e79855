from kinema.probes.physics.published import DATA, PARSER, PUBLISHED, SIZES
from kinema.worlds.discs import BOXES, LAWS


def test_every_law_of_theirs_has_a_figure_for_every_model_and_training_set():
    assert set(PUBLISHED) == set(PARSER) == set(LAWS) - set(BOXES)
    for law, places in PUBLISHED.items():
        for rows in places.values():
            assert len(rows) == len(SIZES) and all(len(row) == len(DATA) for row in rows)
        inside = [value for row in places["in"] for value in row]
        outside = [value for row in places["out"] for value in row]
        assert PARSER[law] < min(inside) and max(inside) < min(outside)
