"""Official parsing rules of benchmarks, reproduced with their errors, for comparison with published numbers.

    verdict("daily_omni/api", reply, options, truth) -> Verdict(read, correct, counted)

`options` are texts in the order of their letters, `truth` is a letter (for yes/no rules "yes" or "no"). `counted` is
False if a rule removes the reply from the denominator. Where the published code draws a random answer, `read` is None.
Reports always show our own parser (`lookhear.tasks.reading`) too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lookhear.metrics.official import rules, toolkits
from lookhear.metrics.official.verdicts import LETTERS, Verdict

__all__ = ["LETTERS", "RULES", "YES_NO", "Verdict", "score", "verdict"]


def verdict(rule: str, reply: str, options: Sequence[str], truth: str) -> Verdict:
    """Apply a rule of RULES or YES_NO. Raises KeyError for an unknown rule."""
    if rule in YES_NO:
        return Verdict(None, YES_NO[rule](reply, truth.lower()))
    found = RULES[rule](reply, list(options), truth)
    if isinstance(found, Verdict):
        return found
    return Verdict(found, found is not None and found.upper() == truth.upper())


def score(
    rule: str, replies: Sequence[str], options: Sequence[Sequence[str]], truths: Sequence[str]
) -> dict[str, float]:
    """`accuracy` in percent under a rule, the number of `counted` replies, and the number `left_out`."""
    found = [verdict(rule, *one) for one in zip(replies, options, truths, strict=True)]
    counted = [one for one in found if one.counted]
    right = sum(one.correct for one in counted)
    share = 100 * right / len(counted) if counted else float("nan")
    return {"accuracy": share, "right": right, "counted": len(counted), "left_out": len(found) - len(counted)}


Rule = Callable[[str, list[str], str], "Verdict | str | None"]
RULES: Mapping[str, Rule] = {
    "daily_omni/api": rules.daily_api, "daily_omni/qwen2_5_vl": rules.daily_qwen,
    "daily_omni/qwen2_5_omni": rules.daily_omni, "omnivideobench/default": rules.omnivideo,
    "omnivideobench/thinking": rules.omnivideo_thinking, "omnivideobench/baichuan": rules.baichuan,
    "omnivideobench/gemini": rules.gemini, "omnivideobench/strict": rules.equality,
    "av_speakerbench/official": rules.speaker, "av_speakerbench/lmms_eval": rules.speaker_lmms,
    "omnibench/official": rules.omnibench, "omnibench/lmms_eval": rules.omnibench_lmms,
    "lvomnibench/official": rules.lvomnibench, "av_odyssey/official": rules.odyssey,
    "mmau_mmar/string_match": rules.string_match, "echoink/eval": rules.echoink,
    "echoink/reward": rules.echoink_reward, "xmodbench/equality": rules.equality, "dave/official": rules.dave,
    "mmar/lmms_eval": toolkits.mmar, "jointavbench/official": toolkits.joint,
    "videomme_worldsense/lmms_eval": toolkits.videomme, "videomme_worldsense/vlmevalkit": toolkits.vlmevalkit,
    "unify_omnibench/parser": toolkits.unify,
    "omnivideobench/ming_internvl": toolkits.ming,
}  # fmt: skip
YES_NO: Mapping[str, Callable[[str, str], bool]] = {
    "avhbench/avcd_eval_acc": rules.avcd, "cmm/first_five": rules.cmm, "pave/substring": rules.pave,
}  # fmt: skip
