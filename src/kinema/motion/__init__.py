"""How pixels move: optical flow, warping, occlusion."""

from kinema.motion.flow import DIS, Farneback, Flow, FlowMethod, optical_flow
from kinema.motion.warp import confirmed, fetch, warp

__all__ = ["DIS", "Farneback", "Flow", "FlowMethod", "confirmed", "fetch", "optical_flow", "warp"]
