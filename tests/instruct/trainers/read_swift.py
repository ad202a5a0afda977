"""ms-swift's own loader and preprocessor on an export, as GRPO asks for it (all columns): python read_swift.py FILE."""

import json
import sys

from swift.dataset import load_dataset
from swift.template.vision_utils import load_audio

(file,) = sys.argv[1:]
table, _ = load_dataset([file], strict=True, load_from_cache_file=False, remove_unused_columns=False)
rows = []
for row in table:
    asked, said = row["messages"]
    media = {kind: [one["path"] if isinstance(one, dict) else one for one in row.get(kind) or []] for kind in
             ("images", "videos", "audios")}  # fmt: skip
    rows.append(
        {
            "asked": asked["content"], "said": said["content"], "solution": row.get("solution"), **media,
            "samples": [len(load_audio(one, 16_000)) for one in media["audios"]],
        }
    )  # fmt: skip
sys.stdout.write(json.dumps(rows) + "\n")
