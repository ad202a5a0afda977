"""TRL's own collator on an export: python read_trl.py FILE, rows as JSON on the last line.

The processor records what TRL hands it, and opens sounds as transformers does; a real one needs weights of a hub.
"""

import json
import sys
import tempfile

import torch
from datasets import load_dataset
from transformers.audio_utils import load_audio
from trl.data_utils import is_conversational
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling


class Processor:
    """Takes conversations and gives one token each."""

    def __init__(self):
        self.seen = []

    def apply_chat_template(self, messages, **_):
        self.seen += messages
        ids = torch.ones(len(messages), 1, dtype=torch.long)
        return {"input_ids": ids, "attention_mask": ids.clone()}


(file,) = sys.argv[1:]
with tempfile.TemporaryDirectory() as cache:
    table = load_dataset("json", data_files=file, split="train", cache_dir=cache)
    assert all(is_conversational(row) for row in table)
    assert "images" in table[0], "by this column SFTTrainer knows a dataset with media"
    processor = Processor()
    batch = DataCollatorForVisionLanguageModeling(processor)([dict(row) for row in table])
    assert batch["labels"].shape == (len(table), 1)
    rows = []
    for asked, said in processor.seen:
        found = {f"{kind}s": [p["path"] for p in asked["content"] if p["type"] == kind]
                 for kind in ("image", "video", "audio")}  # fmt: skip
        samples = [len(load_audio(one, 16_000)) for one in found["audios"]]
        text = [p["text"] for p in asked["content"] if p["type"] == "text"]
        rows.append({"asked": text[0], "said": said["content"][0]["text"], "samples": samples, **found})
sys.stdout.write(json.dumps(rows) + "\n")
