"""LLaMA-Factory's own loader, aligner and media checks: python read_factory.py FOLDER NAME.

Sounds are opened by soundfile: its torchaudio reads nothing at all without torchcodec and ffmpeg.
"""

import json
import sys
import tempfile

import soundfile
from llamafactory.data.loader import _load_single_dataset
from llamafactory.data.mm_plugin import get_mm_plugin
from llamafactory.data.parser import get_dataset_list
from llamafactory.hparams import DataArguments, ModelArguments
from transformers import TrainingArguments

folder, name = sys.argv[1:]
told = DataArguments(dataset=name, dataset_dir=folder, template="qwen2_omni", overwrite_cache=True)
with tempfile.TemporaryDirectory() as cache:
    model = ModelArguments(model_name_or_path="none", cache_dir=cache)
    (attributes,) = get_dataset_list([name], folder)
    table = _load_single_dataset(attributes, model, told, TrainingArguments(output_dir=cache, report_to=[]))
    plugin = get_mm_plugin("qwen2_omni", audio_token="<|AUDIO|>", video_token="<|VIDEO|>", image_token="<|IMAGE|>")
    rows = []
    for row in table:
        media = {kind: row[f"_{kind}"] or [] for kind in ("images", "videos", "audios")}
        plugin._validate_messages(row["_prompt"] + row["_response"], **media)
        sounds = [soundfile.read(path)[0] for path in media["audios"]]
        plugin._regularize_audios(sounds, sampling_rate=16_000)
        frames = plugin._regularize_videos(
            media["videos"], image_max_pixels=4096, image_min_pixels=256, video_fps=2.0, video_maxlen=8
        )["videos"]
        rows.append(
            {
                "asked": row["_prompt"][0]["content"], "said": row["_response"][0]["content"], **media,
                "samples": [len(one) for one in sounds], "frames": [len(one) for one in frames],
            }
        )  # fmt: skip
sys.stdout.write(json.dumps(rows) + "\n")
