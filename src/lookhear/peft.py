"""Registers I-LoRA with PEFT: after `import lookhear.peft`, `peft` can load, train and save I-LoRA adapters.

import lookhear.peft
model = peft.PeftModel.from_pretrained(base, folder)        # adapter_config.json says "peft_type": "ILORA"
"""

from __future__ import annotations

from lookhear.ilora.method import ILoraConfig, ILoraModel

__all__ = ["ILoraConfig", "ILoraModel"]
