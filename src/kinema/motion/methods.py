"""The flow methods by name, as the command line offers them."""

from kinema.errors import UserError, nearest
from kinema.motion.flow import DIS, Farneback, FlowMethod

FLOW_METHODS = {
    "dis": "dense inverse search (Kroeger et al. 2016); verdicts are fitted on it",
    "farneback": "polynomial expansion (Farneback 2003)",
    "lk": "dense Lucas-Kanade in torch",
    "raft": "RAFT (Teed and Deng 2020), from a weights file",
}


def flow_method(name: str, weights: str | None = None) -> FlowMethod:
    """Make a flow method by its name, one of FLOW_METHODS; "raft" takes a file of weights.

    Raises:
        UserError: if there is no such method, or its weights are missing or foreign.
    """
    if name not in FLOW_METHODS:
        raise UserError(f"There is no flow method {name!r}; {nearest(name, list(FLOW_METHODS))}")
    if weights is not None and name != "raft":
        raise UserError(f"The flow method {name!r} takes no weights: leave --flow-weights out.")
    if name == "lk":
        from kinema.motion.lucas_kanade import LucasKanade  # torch takes a second to import

        return LucasKanade()
    if name == "raft":
        return raft(weights)
    return DIS() if name == "dis" else Farneback(256)


def raft(weights: str | None) -> FlowMethod:
    from kinema.motion.raft import RAFT, RAFTFlow

    if weights is None:
        raise UserError(
            "The flow method 'raft' needs weights: --flow-weights raft-things.pth, from the "
            "authors' page (github.com/princeton-vl/RAFT)."
        )
    RAFT.from_file(weights)  # a wrong file is said now, not by a worker later
    return RAFTFlow(weights)
