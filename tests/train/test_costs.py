"""Costs are those that can be counted by hand; counting changes nothing."""

import torch

from lookhear.model import costs
from lookhear.store.batch import Batch
from lookhear.train import typical
from lookhear.train.costs import Clock, write
from lookhear.types import Output


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.look, self.say = torch.nn.Linear(8, 4, bias=False), torch.nn.GRU(4, 3, bias=False, batch_first=True)
        self.drop = torch.nn.Dropout()

    def watch(self, audio):
        return {"audio": self.drop(self.look(audio))}

    def answer(self, memory, question):
        return Output(self.say(memory["audio"])[0][:, -1] + question)


def test_operations_are_counted_by_hand_and_nothing_changes(tmp_path):
    net, streams = Net(), Batch({"audio": torch.randn(2, 5, 8)}, torch.tensor([1, 0]), {"question": torch.randn(2, 3)})
    net.look.weight.requires_grad_(False)
    torch.manual_seed(3)
    before = torch.rand(1)
    torch.manual_seed(3)
    found = costs.of(net, streams)
    assert torch.rand(1) == before and net.training and not net.look.weight.requires_grad
    assert found.clip == 2 * 5 * 8 * 4  # a product for each of five seconds
    assert found.question == 2 * 5 * (4 * 9 + 3 * 9)  # three gates, from the input and from the state
    assert (found.parameters, found.trained) == (32 + 63, 63)
    assert "63 of them learn" in str(found).replace("63  of", "63 of")
    clock = Clock(torch.device("cpu"))
    clock.start()
    clock.stop()
    write(tmp_path, found, clock)
    told = costs.read(tmp_path)
    assert told["clip"] == found.clip and told["peak_bytes"] > 1e6 and len(costs.cells(told)) == len(costs.HEAD)
    assert costs.cells({}) == ["-"] * len(costs.HEAD)


def test_a_net_is_counted_at_its_published_size():
    told = typical.costs("audio_only")
    assert told["parameters"] == 579_882 and told["question"] > 0 and told["step_seconds"] > 0


def test_a_peak_is_that_of_one_net_alone():
    large, small = typical.apart("apl"), typical.apart("question_only")
    assert small["peak_bytes"] < large["peak_bytes"] and small["parameters"] == 142_378
