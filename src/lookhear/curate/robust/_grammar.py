"""How each of MUSIC-AVQA's 33 questions may be said otherwise: `[a|b]` is a choice, `{0}` the first value.

Every sentence that a pattern gives asks the same of the same values; there are 25 or more for each template.
"""

IN = "[in the video|in this video|in the clip|in this clip]"
THE = "[the video|this video|the clip|this clip]"
MANY = "[How many|What number of]"
WHAT = "[What|Which]"
INSTRUMENTS = "[instruments|musical instruments]"
INSTRUMENT = "[instrument|musical instrument]"
KINDS = "[types|kinds] of [instruments|musical instruments]"
HEARD = "[can be heard|are heard|are sounding|make a sound|are playing]"
SEEN = "[can be seen|appear|are shown|are visible]"
WHOLE = "[from beginning to end|from start to finish|all the time|the whole time]"
PLAYS = "[sounds|plays|is heard|makes a sound]"
HEAR = "[Do you hear|Can you hear|Can one hear]"
SEE = "[Do you see|Can you see|Can one see]"

GRAMMAR: dict[str, tuple[str, ...]] = {
    "Is this sound from the instrument in the video": (
        f"[Is this sound made by|Does this sound come from|Is this the sound of] the instrument [seen|shown] {IN}",
        f"[Does the instrument [make|produce] this sound|Is it the instrument that makes this sound] {IN}",
    ),
    "Is the <Object> in the video always playing": (
        f"[Is the {{0}} [playing|heard]|Does the {{0}} play] {WHOLE} {IN}",
        f"Can the {{0}} be heard {WHOLE} {IN}",
    ),
    "Is there a voiceover": (
        f"[Is there|Do you hear|Can you hear] [a narrator|a narration|a voice-over|a commentary] {IN}",
        f"[Does someone|Does anyone] [speak over|talk over|comment on|narrate] {THE}",
    ),
    "How many instruments are sounding in the video": (f"{MANY} {INSTRUMENTS} {HEARD} {IN}",),
    "How many types of musical instruments sound in the video": (f"{MANY} {KINDS} {HEARD} {IN}",),
    "How many instruments in the video did not sound from beginning to end": (
        f"{MANY} {INSTRUMENTS} {IN} [did not [play|sound]|were not heard] {WHOLE}",
    ),
    "How many sounding <Object> in the video": (f"{MANY} [{{0}} instruments|instruments of type {{0}}] {HEARD} {IN}",),
    "Where is the <LL> instrument": (
        f"[Where|On which side|In which position] is the [{{0}} instrument|{{0}} one of the instruments] {IN}",
        f"From [where|which side|which position] does the {{0}} sound come {IN}",
    ),
    "Is the <FL> sound coming from the <LR> instrument": (
        f"Is [it the {{1}} instrument|the {{1}} instrument the one] that {PLAYS} {{0}} {IN}",
        f"[Does the {{1}} instrument make|Is the {{1}} instrument the source of] the {{0}} sound {IN}",
    ),
    "Which is the musical instrument that sounds at the same time as the <Object>": (
        f"{WHAT} {INSTRUMENT} {PLAYS} [together with|at the same time as|along with] the {{0}} {IN}",
    ),
    "What is the <LR> instrument of the <FL> sounding instrument": (
        f"{WHAT} {INSTRUMENT} is [to|on] the {{0}} of the instrument that {PLAYS} {{1}} {IN}",
    ),
    "Is the instrument on the <LR> more rhythmic than the instrument on the <LR>": (
        f"Does the {{0}} instrument [play more rhythmically|sound more rhythmic|have more rhythm] than the {{1}} {IN}",
        f"Is the {{0}} instrument [more rhythmic than|the more rhythmic one compared with] the {{1}} one {IN}",
        f"[Compared with|Next to] the {{1}} instrument, is the {{0}} one more rhythmic {IN}",
    ),
    "Is the instrument on the <LR> louder than the instrument on the <LR>": (
        f"[Is the {{0}} instrument|Does the {{0}} instrument [play|sound]] louder than the {{1}} one {IN}",
        f"[Compared with|Next to] the {{1}} instrument, is the {{0}} one [louder|the louder one|of higher volume] {IN}",
    ),
    "Is the <Object> on the <LR> more rhythmic than the <Object> on the <LR>": (
        f"Does the {{1}} {{0}} [play more rhythmically than|sound more rhythmic than] the {{3}} {{2}} {IN}",
        f"Is the [{{1}} {{0}}|{{0}} to the {{1}}] more rhythmic than the [{{3}} {{2}}|{{2}} to the {{3}}] {IN}",
        f"[Compared with|Next to] the {{2}} on the {{3}}, is the {{0}} on the {{1}} more rhythmic {IN}",
    ),
    "Is the <Object> on the <LR> louder than the <Object> on the <LR>": (
        f"Does the {{1}} {{0}} [play louder than|sound louder than] the {{3}} {{2}} {IN}",
        f"Is the [{{1}} {{0}}|{{0}} to the {{1}}] louder than the [{{3}} {{2}}|{{2}} to the {{3}}] {IN}",
        f"[Compared with|Next to] the {{2}} on the {{3}}, is the {{0}} on the {{1}} louder {IN}",
    ),
    "Where is the <FL> sounding instrument": (
        f"[Where|On which side|In which position] is the instrument that {PLAYS} {{0}} {IN}",
    ),
    "Which <Object> makes the sound <FL>": (
        f"[Which|Which one] of the {{0}} instruments [sounds|plays|is heard] {{1}} {IN}",
        f"[Which {{0}}|Which of the {{0}} players] [sounds|plays|is heard] {{1}} {IN}",
    ),
    "What is the <TH> instrument that comes in": (
        f"{WHAT} {INSTRUMENT} [comes in|enters|starts to play|joins in] {{0}} {IN}",
    ),
    "Which instrument makes sounds <BA> the <Object>": (f"{WHAT} {INSTRUMENT} {PLAYS} {{0}} the {{1}} {IN}",),
    "Is there a <Object> in the entire video": (
        f"[Is there|Do you see|Can you see] a {{0}} anywhere {IN}",
        f"[Does a {{0}} appear|Can a {{0}} be seen|Is a {{0}} [shown|visible]] at any [time|moment] {IN}",
    ),
    "Are there <Object> and <Object> instruments in the video": (
        f"[Are both {{0}} and {{1}} [seen|shown|visible]|Can both {{0}} and {{1}} be seen] {IN}",
        f"{SEE} [both a {{0}} and a {{1}}|a {{0}} as well as a {{1}}] {IN}",
    ),
    "How many types of musical instruments appeared in the entire video": (f"{MANY} {KINDS} {SEEN} {IN}",),
    "How many <Object> are in the entire video": (f"{MANY} [{{0}} instruments|instruments of type {{0}}] {SEEN} {IN}",),
    "Where is the performance": (
        f"[Where|In what kind of place] [does the performance take place|is the music [performed|played]] {IN}",
        f"In [what|which] [setting|kind of location] is the performance {IN}",
    ),
    "What is the instrument on the <LR> of <Object>": (f"{WHAT} {INSTRUMENT} is [to|on] the {{0}} of the {{1}} {IN}",),
    "What kind of musical instrument is it": (
        f"{WHAT} [kind|type] of {INSTRUMENT} [is this|is shown|can be seen|do you see] {IN}",
    ),
    "What kind of instrument is the <LRer> instrument": (
        f"{WHAT} [kind|type] of {INSTRUMENT} is the {{0}} one {IN}",
        f"{WHAT} {INSTRUMENT} is the {{0}} of all {IN}",
    ),
    "Is there a <Object> sound": (
        f"[Is there|Do you hear|Can you hear] [the sound of a {{0}}|a {{0}} playing|any {{0}}] {IN}",
        f"Can a {{0}} be heard {IN}",
    ),
    "Are there <Object> and <Object> sound": (
        f"{HEAR} [both {{0}} and {{1}}|the sounds of {{0}} and {{1}}|{{0}} as well as {{1}}] {IN}",
        f"Are both the {{0}} and the {{1}} [heard|sounding] {IN}",
    ),
    "How many musical instruments were heard throughout the video": (
        f"{MANY} {INSTRUMENTS} [were heard|could be heard|sounded|made a sound] throughout {THE}",
    ),
    "Is the <Object> more rhythmic than the <Object>": (
        f"Does the {{0}} [play more rhythmically than|sound more rhythmic than|have more rhythm than] the {{1}} {IN}",
        f"[Compared with|Next to] the {{1}}, is the {{0}} [more rhythmic|the more rhythmic one] {IN}",
    ),
    "Is the <Object> louder than the <Object>": (
        f"Does the {{0}} [play louder than|sound louder than|have a louder sound than] the {{1}} {IN}",
        f"[Compared with|Next to] the {{1}}, is the {{0}} [louder|the louder one] {IN}",
    ),
    "Is the <Object> playing longer than the <Object>": (
        f"[Does the {{0}} [play|sound] for longer than|Is the {{0}} heard for longer than] the {{1}} {IN}",
        f"[Compared with|Next to] the {{1}}, does the {{0}} [play|sound] for longer {IN}",
    ),
}
