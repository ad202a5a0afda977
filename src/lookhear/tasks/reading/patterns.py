"""Regular expressions for claims, doubts, rejections and corrections in English.

Patterns for the text left of a mention end with `$`, those for the text to its right begin with `^`. Both are applied
to a few dozen lower-case characters of one sentence.
"""

from __future__ import annotations

import re

NOUN = (
    r"(?:answers?|choice|option chosen|selection|response|pick|guess|conclusion|verdict|result|prediction|match|"
    r"solution|correct one|right one)"
)
BE = (
    r"(?:is|are|was|would be|should be|must be|will be|has to be|might be|may be|could be|be|to be|seems to be|"
    r"appears to be|remains|becomes)"
)
FILL = (
    r"(?:[\s:,\"'(\-–—]|\b(?:the|a|an|option|choice|letter|answer|number|only|just|exactly|definitely|clearly|"
    r"simply|probably|"
    r"most likely|likely|actually|indeed|perhaps|maybe|about|approximately|around|there|one|with)\b){0,6}"
)
STATES = re.compile(
    rf"(?:\b{NOUN}\b[^.!?\n]{{0,90}}?(?:\b{BE}\b|[:=]|'s|→|->)"
    rf"|\b(?:choose|pick|select|chose|picked|selected|choosing|picking|selecting|go(?:ing)? (?:with|for)|"
    rf"went with|opt(?:ing)? for|"
    rf"stick(?:ing)? with|say(?:s|ing)?|vote for|settle (?:on|for)|lean(?:ing)? (?:towards?|to)|guess|bet on|"
    rf"believe|think|points? to|"
    rf"conclude|prefer|supports?|favou?rs?|we get|leav(?:es|ing)(?: only| us with)?|left with|i mean|or rather|"
    rf"make that)\b(?: (?:that|it|this|they)(?:'s| is| are| would be| must be| might be| may be|"
    rf" could be)?| the \w+ (?:\w+ )?{BE})?"
    rf"|(?:\b(?:so|thus|hence|therefore|consequently|accordingly|in conclusion|which means|overall|finally|namely|"
    rf"falls? (?:into|in|under|within))\b|"
    rf"=>|→|->|=)[,:]?"
    rf"(?: (?:it(?:'s| is| must be)|that's|this is|these are|there (?:is|are)|they(?:'re| are)|i(?:'d)? (?:say|"
    rf"choose|pick)|we have|[^.!?,;\n]{{1,50}}? {BE}))?"
    rf"|\bthe (?:one|person|player|instrument|sound|pair|event|thing)\b[^,.;\n]{{0,50}}? (?:is|was|are)\b"
    rf"){FILL}$"
)
FINALLY = re.compile(rf"\bfinal\b[^.!?\n]{{0,30}}{FILL}$")
SUBJECT = re.compile(
    rf"(?:^|[\s,;:])(?:it|this|that|these|they|there|which|he|she)(?:'s| (?:really |clearly |probably )?{BE}|"
    rf" looks like| sounds like){FILL}$"
)
PREDICATE = re.compile(rf"(?:\b{BE}\b|'s|:|—|–|-)\s*(?:the |option |choice |letter |answer )*\(?$")
OPENS = re.compile(
    r"^(?:[\W_]|\b(?:well|hmm+|hm|um|uh|okay|ok|oh|ah|sure|certainly|absolutely|definitely|of course|"
    r"great question|good question|"
    r"probably|maybe|perhaps|likely|most likely|clearly|obviously|i think|i believe|i guess|i would say|i'd say|"
    r"it's|it is|"
    r"that's|that would be|this is|there is|there are|there's|they are|only|just|exactly|about|around|"
    r"approximately|roughly|"
    r"the|a|an|option|choice|letter|answer|in|on|at|to|based on the (?:video|audio|clip|sound|question)|here|"
    r"yes|(?:wait|actually|oh|sorry|hmm)\W{1,3}no(?=\W)|no\W{1,3}(?:wait|actually)|wait|actually|then|finally|now|"
    r"eventually|or rather|from the)\b){0,9}$"
)
RIGHTLY = re.compile(
    r"^[\"')\]]*(?: (?:one|video|sound|clip|option))?\s*(?:(?:is|are|was|seems|would be|looks|sounds|appears|must be|"
    r"should be)\s+(?:to be\s+)?(?:the |a |an |clearly |definitely |most |more |also |my )*"
    r"(?:correct|right|true|best|answer|choice|likely|plausible|accurate|appropriate|better|it\b|closest|"
    r"final answer)"
    r"|(?:fits|fit|matches|match|wins|works)\b(?! (?:neither|no|poorly))|[:=–-]?\s*(?:✓|✔|✅|☑)|"
    r"\W{0,3}\s*(?:correct|right)\W*$| is\W*$)"
)
WRONGLY = re.compile(
    r"^[\"')\]]*\s*(?:(?:is|are|was|were|seems|looks|would be|would|could|can|does|do|did|has|have|must|should|"
    r"might|may)\s+(?:\w+\s+)?"
    r"(?:not|never|wrong|incorrect|false|unlikely|impossible|out\b|excluded|eliminated|ruled|irrelevant|"
    r"implausible|absent|missing|(?:a |the )?(?:distractor|decoy|red herring|trap)|"
    r"less likely|no\b)|(?:isn't|aren't|wasn't|weren't|doesn't|don't|didn't|can't|cannot|couldn't|won't|"
    r"wouldn't|hasn't)\b|"
    r"[:=–-]?\s*(?:no\b(?! doubt)|wrong|incorrect|false|✗|✘|❌|✖)|(?:[:=–-]\s*not\b|\s*not\b(?=\W*$|"
    r"\s+(?:possible|correct|right|the|it|likely|this|heard|seen|present)\b))|"
    r"['’]s (?:not|wrong|out)\b)"
)
NEGATED = re.compile(
    r"\b(?:not|never|no|nor|neither|without|except|excluding|unlike|cannot|isn't|aren't|wasn't|weren't|don't|"
    r"doesn't|didn't|can't|won't|"
    r"wouldn't|couldn't|shouldn't|haven't|hasn't|eliminat\w+|exclud\w+|reject\w*|rul(?:e|es|ed|ing) out|"
    r"discard\w*|instead of|rather than|as opposed to|"
    r"dismiss\w*|wrong|incorrect|false)\b(?:\s*(?:either|out|that|it|this|be|to|the|a|an|option|choice|letter|"
    r"answer|answers|is|are|was|just|any|really|think|believe|say|"
    r"see|hear|sure|both|them|musical|there|there's|it's|on|in|at|from|with|one|"
    r"sounds?|looks?|seems?|appears?|feels?|particularly|especially|very|so|too|all|that)\b|[\s\"'(:]){0,7}$"
)
PASSES = re.compile(
    r"(?:\bbetween\b[^,;:.\n]{0,60}|\b(?:could|might|may|can) also\b[^,;:.\n]{0,40}|\b(?:before|after|than|"
    r"following|behind|besides|beside|alongside|near|while|until|since|during|versus|"
    r"vs|against|unlike|"
    r"compar\w+ (?:it )?(?:with|to)|similar to|different from|together with|along with|over|accompan\w+|next to|"
    r"in front of|"
    r"as well as|joined by|such as|e\.g\.|like|between|among|with|to|of|by|from|for)\b(?:\s*(?:the|a|an|"
    r"option|first|second|left|right|other|last|two|player|sound|side|of)\b|[\s\"'(]){0,5}"
    r"|\b(?:if|whether|unless|suppose|assuming|going to (?:say|pick|choose|answer)|thought (?:of|it was|about)|"
    r"first thought|initially|at first|consider\w*|tempted\w*|"
    r"might seem|may seem|would need|could have been|would have been|instead of|used to)\b[^,;:.\n]{0,60})$"
)
LETTER_PASSES = re.compile(
    r"(?:\b(?:could|might|may|can) also\b[^,;:.\n]{0,40}|\b(?:before|after|than|versus|vs|against|unlike|"
    r"compar\w+ (?:it )?(?:with|to|against)|similar to|like|"
    r"between|among|in|of|for|over|"
    r"both|either|clip|speaker|image|audio|video)\b(?:\s*(?:the|option|choice|clip|answer)\b|[\s\"'(]){0,3}"
    r"|\b(?:if|whether|unless|suppose|assuming|going to (?:say|pick|choose|answer)|thought (?:of|it was|about)|"
    r"first thought|initially|at first|consider\w*|tempted\w*|"
    r"might seem|may seem|could have been|would have been|used to)\b[^,;:.\n]{0,60})$"
)
COMES = re.compile(
    r"\b(?:com(?:es?|ing)|came|originat\w+|is|are|was|made|produced|played|emitted|generated|heard|"
    r"caused) (?:from|by|with|on)(?:\s*(?:the|a|an|one)\b|\s){0,3}$"
    r"|\b(?:described|known|classified|identified|labell?ed|recogni[sz]ed|categori[sz]ed|interpreted|regarded|"
    r"perceived|"
    r"read|characteri[sz]ed|serves?|acts?) as(?: being)?(?:\s*(?:the|a|an)\b|\s){0,3}$"
    r"|\b(?:something|more|rather|sounds?|looks?|seems?|feels?|looked|sounded) (?:\w+ )?"
    r"like(?:\s*(?:the|a|an)\b|\s){0,3}$"
    r"|\b(?:belongs?|corresponds?|goes|match(?:es)?|fits?) (?:to|with)(?:\s*the\b|\s){0,2}$"
)
BECAUSE = re.compile(r"\b(?:because|since|as|explanation|reason(?:ing)?|rationale|although|though|even if|while)\b")
RESUMES = re.compile(r",\s*(?:but|it|this|that|the (?:right |correct )?answer|they|we|i)\b[^,;]{0,40}$")
JOINED = re.compile(
    r"^[\"')\]\s]*(?:,|/|&|\||、|\bor\b|\band\b|\bnor\b|,\s*or|,\s*and|,\s*nor|\bversus\b|\bvs\.?|\bto\b|-|–|~|"
    r"\bpossibly\b|\bmaybe\b|\bor maybe\b|\bor possibly\b)"
    r"[\s\"'(]*(?:(?:possibly|maybe|perhaps|even|option|the|a|an|else|on|in|at|to|from)\s+){0,3}[\"'(]*$|^[\s()]+$"
)
ANOTHER = re.compile(  # after a comma, a mention before a singular verb begins another clause: "B, and A is wrong"
    r"^[\"')\]]*(?: (?:just|only|then|also|never|later|merely))?\s+(?:is|isn't|was|wasn't|has|does|doesn't|can|could|"
    r"cannot|can't|would|might|may|(?!as\b|its\b|his\b|this\b|us\b)[a-z]+[^\Wsu]s)\b"
)
CORRECTED = re.compile(
    r"\b(?:wait|actually|on second thoughts?|correction|sorry|i mean|scratch that|let me (?:re|correct)\w*|"
    r"however|but|instead|"
    r"on (?:a )?(?:second|closer) (?:listen|look|listening|hearing|inspection|viewing)|oops|revis\w+|"
    r"reconsider\w*|chang\w+ my (?:mind|answer)|in fact|upon|"
    r"re-?(?:count|check|listen|watch|examin)\w*|(?:look|listen|watch|check)\w* (?:again|more (?:closely|carefully))|"
    r"no,|hold on|rather|eventually|after (?:all|listening|watching))"
)
ENDS = re.compile(r"[.!?;…]+[\"')\]]*(?=\s|$)|\n+|[。！？；]")
CLAUSE = re.compile(r"[,;:—–]|\b(?:but|so|while|whereas|although|because|however|then|it's|it is|i'd)\b")
QUESTION = re.compile(
    r"^\W*(?:what|which|who|where|when|why|how|is|are|does|do|did|can|could|would|should|was|were|question)\b"
)
DOUBTED = re.compile(
    r"(?:n't|\bnot|\bnever|\bcannot) (?:think|believe|say|suppose|choose|pick)\b(?: that)?"
    r"(?: (?:it(?:'s| is| was)|the answer is|this is))?\s*(?:the |option )*\(?$"
)
REPORTED = re.compile(
    r"\b(?:i (?:was|have been) told|they say|(?:some|people|others|someone) (?:say|says|might say|would say|claims?)|"
    r"the (?:hint|user|prompt|caption|title) (?:says|claims|suggests)|supposedly|allegedly)\b[^.!?\n]*$"
)
OBJECTS = re.compile(r"^[^.!?\n]*\b(?:but|however|yet)\b")
BUT_FOR = re.compile(
    r"\b(?:anything|everything|all|any|every one)(?: (?:of (?:them|the options)|(?:the )?(?:other )?(?:options|"
    r"choices|answers|ones)))? (?:but|"
    r"except)\s*(?:for )?(?:option )?\(?$"
)
UNDECIDED = re.compile(
    r"\b(?:cannot|can't|could not|couldn't|unable to) (?:decide|say|tell|choose)\b|\bnot sure\b|\bno idea\b|"
    r"\bdon't know\b|"
    r"\bhard to (?:say|tell)\b|\bunclear\b"
)
VERDICT = re.compile(
    r"^[\s\"')?？]*(?:(?P<no>no(?! doubt)|nope|wrong|incorrect|unlikely|not really|definitely not)|(?P<yes>yes|yep|"
    r"correct|"
    r"exactly|right))\b"
)
FOLLOWS = re.compile(
    r"\S.*(?:,|;|\band) (?:then|after (?:that|it)|afterwards?|later|next)(?: (?:it is|it's|comes?))?(?:\s*(?:the|a|"
    r"an|on|in)\b|\s){0,4}$"
)
AMENDS = re.compile(
    r"^\W*(?:wait|actually|no,? wait|on second thought|correction|sorry|scratch that|or rather|"
    r"oops)\b"
)
SOFT = re.compile(
    r"\bif i (?:had|have|were|was|must)(?: to)? (?:guess|choose|pick|say|answer)?|\bno doubt\b|\bwithout (?:a |"
    r"any )?doubt\b|\bno question\b|"
    r"\bas far as (?:i|we) (?:can|could) (?:tell|see|hear|judge)\b|\bi (?:can't|cannot) be (?:\w+ )?(?:certain|"
    r"sure)\b|\b(?:i'm|i am) sorry for [^.:\n]{0,40}(?=[.:])|"
    r"\bapologi(?:es|[sz]e) for (?:the|my|any) (?:earlier |previous )?(?:mistake|confusion|error|oversight)\b|"
    r"\b(?:no|not) (?:more|less|fewer) than\b|\bnot only\b|\bnot (?:entirely |completely |totally |100% |"
    r"really |quite |so )?(?:sure|certain|exactly|clear)\b|\bnot to mention\b|\bno problem\b|\bno wonder\b"
)
