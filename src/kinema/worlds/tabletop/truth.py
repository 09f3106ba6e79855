"""placeholder"""
def scene_truth(scene, view, fps):
    return None
