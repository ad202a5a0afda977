"""Action recognition: which of a list of actions is seen and heard in a clip (Kinetics-Sounds, UCF51)."""

from lookhear.tasks.reading.naming import Naming

VERSION = 1
MAIN = {"": "accuracy"}
# top-1 accuracy and `uar`, the mean recall of the classes, in percent
TASK = Naming("action", "What is seen and what is heard both fit {}.", {"accuracy": "war", "uar": "uar"})

prompt, target, parse, right = TASK.prompt, TASK.target, TASK.parse, TASK.right
score, pooled, by_class = TASK.score, TASK.pooled, TASK.by_class
