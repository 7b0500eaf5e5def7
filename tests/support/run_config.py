"""A pretraining configuration of seconds, as the file that a user would write."""

CONFIG = """
model_id = "small"
augment = [{name = "rotate"}, {name = "picture-blur"}]
[data]
surveys = ["tiny"]
validation_share = 0.3
[contract]
bands = ["display:R", "display:G", "display:B"]
field_px = 44
input_px = 32
stretch = "unit"
min_coverage_px = 32
[network]
stem = "imagenet"
width = 8
[moco]
queue_size = 8
groups = 2
[optimiser]
batch = 8
epochs = 2
"""
