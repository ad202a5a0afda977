"""Replies with their right readings, written for these tests: kind -> (question, answers there can be, {reply: reading}).

None stands for unread: no answer, several, a refusal. Letters are those of the options in order.
"""

HOW_MANY = "How many instruments are sounding in the video?"
IS_THERE = "Is there a violin in the entire video?"
LOUDER = "Is the cello louder than the piano?"
WHERE = "Where is the first sounding instrument?"
BEFORE = "Which instrument makes sounds before the violin?"
PERFORMED = "Where is the performance?"
AFTER = "What happens right after the siren stops?"
ACTS = ("A woman opens a window", "The driver waves", "Two children run away", "A phone rings")
TONE = "What is the speaker's mood?"
MOODS = ("Happy", "Nervous", "Not happy but relieved", "Bored")
RINGS = "How many times does the bell ring?"
TIMES = ("Once", "Twice", "Three times", "Five times")
DIGITS = ("1", "2", "3", "13")

COUNTS = {
    "3": "three", "three": "three", "Three.": "three", "THREE": "three", " 3 \n": "three", "3!": "three", "**3**": "three",
    "`3`": "three", "$3$": "three", "\\boxed{3}": "three", "The answer is 3.": "three", "The answer is three": "three",
    "Answer: three": "three", "answer - 3": "three", "Final answer: 3": "three", "Final Answer: **3**": "three",
    "I count three instruments.": "three", "There are three.": "three", "There are three instruments playing.": "three",
    "I can hear three instruments: a piano, a cello and a flute.": "three", "Three different instruments are sounding.": "three",
    "There are a total of 3 instruments.": "three", "In total, three instruments sound.": "three", "3 in total": "three",
    "One violin, one cello and one flute, so three in total.": "three", "1 violin + 2 cellos = 3": "three",
    "Two violins and one cello, that makes three.": "three", "Total: 3": "three", "A total of three": "three",
    "It sounds like there are three instruments.": "three", "It seems that three instruments are playing.": "three",
    "Probably three.": "three", "Maybe 3?": "three", "I think there are 3.": "three", "I'd say three.": "three",
    "I would guess three instruments.": "three", "About three": "three", "Exactly three.": "three", "Only three.": "three",
    "just three": "three", "three (3)": "three", "3 (three)": "three", "three instruments": "three",
    "The number of instruments is three.": "three", "The number of sounding instruments is 3": "three",
    "<think>two? no, three</think>3": "three", "<answer>3</answer>": "three", "<answer>three instruments</answer>": "three",
    "<think>There are 2 violins and 5 people.</think>\n<answer> three </answer>": "three", '{"answer": 3}': "three",
    '{"answer": "3"}': "three", '{"count": 3}': "three", '```json\n{"answer": "three", "confidence": 0.9}\n```': "three",
    '{"reasoning": "I hear 2 violins", "answer": "three"}': "three", "Not two, three.": "three", "Not two but three.": "three",
    "It's not two, it's three.": "three", "Two? No, three.": "three", "I first thought two, but there are three.": "three",
    "three, not four": "three", "Three rather than two.": "three", "Three instead of four": "three",
    "At 0:12 three instruments are sounding.": "three", "From 5 s on, three instruments sound.": "three",
    "After 12 seconds there are three instruments.": "three", "three instruments at 0:10": "three",
    "Drei": "three", "tres": "three", "trois": "three", "три": "three", "三": "three", "三种乐器": "three", "세 개의 악기": "three",
    "Hay tres instrumentos.": "three", "Il y a trois instruments.": "three", "Es gibt drei Instrumente.": "three", "३": "three", "٣": "three",
    "３": "three", "III": "three", "threee": "three", "03": "three", "No more than three instruments.": "three",
    "The first instrument is joined by two others, so there are three.": "three", "assistant\n3": "three", "3</s>": "three",
    "Three instruments are sounding, and the fourth one is silent.": "three", "Three: violin, cello, piano.": "three",
    "Reasoning: I hear one, then another two.\nAnswer: three": "three", "Explanation: many.\n\nAnswer: 3": "three",
    "zero": "zero", "0": "zero", "None": "zero", "none.": "zero", "No instruments are sounding.": "zero", "There are no instruments.": "zero",
    "No instruments.": "zero", "There are none.": "zero", "None of the instruments is sounding.": "zero", "Zero instruments": "zero",
    "one": "one", "1": "one", "Just one instrument.": "one", "Only one": "one", "There is one instrument playing.": "one",
    "There is only one.": "one", "One instrument: a guitar.": "one", "one.": "one", "Uno": "one", "ein": "one",
    "ten": "ten", "10": "ten", "Ten instruments.": "ten", "11": "more than ten", "12 instruments": "more than ten",
    "more than ten": "more than ten", "More than 10.": "more than ten", "over ten instruments": "more than ten", "10+": "more than ten",
    "There are more than ten instruments": "more than ten", "twenty": "more than ten", "about 25": "more than ten",
    "twenty-two": "more than ten", "A dozen.": "more than ten", "fifteen instruments": "more than ten", "9" * 5000: "more than ten",
    "两个": "two", "十二种乐器": "more than ten", "a duet": "two", "A trio": "three", "Two.": "two", "2": "two",
    "There are two instruments, a violin and a cello.": "two", "Two instruments are played by one man.": "two",
    # unread
    "": None, "?": None, "I don't know.": None, "I'm not sure.": None, "I cannot tell.": None, "several": None, "Many instruments.": None,
    "two or three": None, "2-3": None, "Between two and four.": None, "Two to three instruments": None, "2 / 3": None,
    "A violin and a cello.": None, "The violin": None, "yes": None, "No.": None, "left": None, "The video shows a concert.": None,
    "I am unable to count the instruments.": None, "How many instruments are sounding in the video?": None, "violin, piano": None,
    "Two violins and one piano.": None, "At 0:03 a man enters.": None, "The third instrument is a cello.": None, "15 seconds": None,
    "<think>three": None, "<think>It is three</think>": None, "more than two": None, "Either two or three": None, "qwerty": None,
    '{"instruments": ["violin", "cello"]}': None, "error_timeout": None, "The one on the left.": None, "100%": None,
    "First 2, later 3.": None, "two at the start and four at the end": None, "half": None, "2.5": None, "another one": None,
}  # fmt: skip

YES_NO = {
    IS_THERE: {
        "yes": "yes", "Yes.": "yes", "YES!": "yes", "yes, it is there": "yes", "Yes, there is.": "yes", "Yes - on the left.": "yes",
        "Yeah": "yes", "Yep.": "yes", "yup": "yes", "True.": "yes", "Correct!": "yes", "Indeed.": "yes", "Of course.": "yes", "Certainly.": "yes",
        "Absolutely": "yes", "The answer is yes.": "yes", "Answer: Yes": "yes", "**Yes**": "yes", "(yes)": "yes", '"Yes"': "yes", "\\boxed{yes}": "yes",
        "$\\boxed{\\text{Yes}}$": "yes", "<answer>yes</answer>": "yes", "<think>no violin at first</think>yes": "yes", '{"answer": true}': "yes",
        '{"answer": "Yes"}': "yes", '{"is_present": true}': "yes", "I think so.": "yes", "I think yes.": "yes", "I believe the answer is yes": "yes",
        "Well, yes.": "yes", "Hmm, yes": "yes", "I would say yes": "yes", "Yes, there is a violin, but no piano.": "yes",
        "Yes. No other instrument plays.": "yes", "There is a violin.": "yes", "There is indeed a violin in the video.": "yes",
        "A violin is visible on the right.": "yes", "I can see a violin.": "yes", "Sí": "yes", "Oui.": "yes", "Ja": "yes", "да": "yes",
        "是": "yes", "是的。": "yes", "有": "yes", "はい": "yes", "네": "yes", "sim": "yes", "It's true.": "yes", "That is correct.": "yes",
        "No doubt: yes.": "yes", "Yes, without a doubt.": "yes", "There's no doubt that there is a violin.": "yes", "yes </s>": "yes",
        "Not sure, but I'd say yes.": "yes", "Probably yes": "yes", "Yes, I think.": "yes", "It is not true that there is no violin.": "yes",
        "The answer is not no, it is yes.": "yes", "I was going to say no, but the answer is yes.": "yes", "No, wait, yes.": "yes",
        "Reasoning: I see no bow at first.\nAnswer: yes": "yes", "Yes (at 0:12)": "yes", "YES\n\nExplanation: no piano is there.": "yes",
        "no": "no", "No.": "no", "NO": "no", "No, there is not.": "no", "No, there isn't": "no", "Nope": "no", "nah": "no", "False": "no",
        "Incorrect.": "no", "Not at all.": "no", "Definitely not.": "no", "Absolutely not!": "no", "The answer is no.": "no", "**No**": "no",
        "<answer>No.</answer>": "no", "<think>yes, maybe</think>\n\nNo": "no", '{"answer": false}': "no", "There is no violin.": "no",
        "There is no violin in the entire video.": "no", "There isn't a violin in the video.": "no", "no violin": "no", "No violin is seen.": "no",
        "I don't see a violin.": "no", "I do not hear any violin.": "no", "There is not a violin.": "no", "Nein": "no", "non": "no", "нет": "no", "不是": "no",
        "否": "no", "いいえ": "no", "não": "no", "아니요": "no", "I would say no": "no", "Probably not.": "no", "I don't think so.": "no", "It's false.": "no",
        "Sorry, no.": "no", "No, only a piano and a cello.": "no", "no because I only hear drums": "no", "Final answer: no": "no",
"It is not the case that there is a violin.": "no", "Yes? No.": "no",
        "The violin is not in the video.": "no", "Not really.": "no", "It is untrue.": "no",
        # unread
        "": None, "I don't know": None, "I'm not sure.": None, "Maybe.": None, "I cannot determine this.": None, "Unknown": None, "yes and no": None,
        "Yes or no?": None, "I notice a piano.": None, "Another instrument plays.": None, "piano": None, "two": None, "left": None,
        "The video shows a man on a stage.": None, "I know this song.": None, "Yesterday I saw one.": None, "Its eyes are closed.": None,
        "Is there a violin in the entire video?": None, "I can't tell if there is a violin.": None, "It is unclear whether there is a violin.": None,
        "<think>yes": None, "Sorry, I can't help with that.": None, "no idea": None, "Yes, there is no violin.": None, "No, there is a violin.": None,
        "A violin or a viola, hard to tell.": None, "As an AI language model, I cannot watch videos.": None, "qwerty": None, "error": None,
        "I cannot answer yes or no.": None, "It depends.": None, "It is nothing.": None, "Is it a yes? Is it a no?": None, "No information is given.": None,
    },
    LOUDER: {
        "Yes": "yes", "Yes, the cello is louder.": "yes", "The cello is louder than the piano.": "yes", "No": "no", "No, the piano is louder.": "no",
        "The cello is not louder than the piano.": "no", "No, they are equally loud.": "no", "The cello isn't louder than the piano": "no",
        "It is louder.": "yes", "It is not.": "no", "It is.": "yes", "No. The piano is louder than the cello.": "no",
        "They sound alike.": None, "The loudest is the drum.": None, "cello": None, "The piano": None, "louder": None,
        "I can't say whether the cello is louder than the piano.": None, "The piano is louder than the cello.": None,
    },
}  # fmt: skip

PLACES = {
    WHERE: {
        "left": "left", "Left.": "left", "On the left.": "left", "on the left side": "left", "The left side of the stage": "left", "To the left": "left",
        "It is on the left.": "left", "The first sounding instrument is on the left.": "left", "Left-hand side": "left", "leftmost": "left",
        "far left": "left", "The answer is left": "left", "**left**": "left", "\\boxed{left}": "left", "<answer>left</answer>": "left",
        '{"answer": "left"}': "left", '{"position": "left"}': "left", "You are right, it is on the left.": "left", "That's right: the left.": "left",
        "Not on the right but on the left.": "left", "On the left, not on the right.": "left", "The one on the left starts first.": "left",
        "The player on the left begins right away.": "left", "Left of the piano": "left", "izquierda": "left", "à gauche": "left", "links": "left", "слева": "left",
        "左侧": "left", "左": "left", "왼쪽": "left", "It is on the right.": "right", "right": "right", "Right": "right", "The right one": "right",
        "on the right-hand side": "right", "The rightmost one": "right", "right side": "right", "右边": "right", "a la derecha": "right", "rechts": "right",
        "The instrument on the right sounds first.": "right", "All right, it is on the right.": "right", "It is in the middle.": "middle", "center": "middle",
        "in the centre": "middle", "The middle one.": "middle", "central": "middle", "中间": "middle", "They start at the same time.": "simultaneously",
        "simultaneously": "simultaneously", "Simultaneously.": "simultaneously", "Both sound simultaneously": "simultaneously", "同时": "simultaneously",
        "<think>the right one? no</think>left": "left", "Final answer: middle": "middle", "I'd say the middle.": "middle", "Probably on the left": "left",
        # unread
        "": None, "I don't know.": None, "left or right": None, "On the left and on the right.": None, "He left the stage.": None,
        "That's right.": None, "right?": None, "The piano": None, "yes": None, "two": None, "in the park": None, "I cannot tell where it is.": None,
        "Where is the first sounding instrument?": None, "They play right after the man left the room.": None, "Either left or middle": None, "up": None,
    },
    PERFORMED: {
        "indoor": "indoor", "Indoors.": "indoor", "The performance is indoors.": "indoor", "inside a hall": "indoor", "It takes place outdoors, in a park.": "outdoor",
        "outside": "outdoor", "Outdoor": "outdoor", "室内": "indoor", "户外": "outdoor", "It's an outdoor performance.": "outdoor", "Not outdoors but indoors.": "indoor",
        "indoor or outdoor": None, "On a stage": None, "I can't see.": None, "left": "left",
    },
}  # fmt: skip

INSTRUMENTS = {
    "piano": "piano", "Piano.": "piano", "The piano.": "piano", "a piano": "piano", "It is the piano.": "piano", "It's a grand piano.": "piano",
    "The answer is piano.": "piano", "Answer: piano": "piano", "**Piano**": "piano", "<answer>piano</answer>": "piano", '{"answer": "piano"}': "piano",
    '{"instrument": "piano"}': "piano", "\\boxed{piano}": "piano", "The piano makes sounds before the violin.": "piano", "The piano, before the violin.": "piano",
    "Before the violin the piano sounds.": "piano", "It is the piano and not the cello.": "piano", "Not the cello but the piano.": "piano",
    "I think it is the piano.": "piano", "Probably the piano": "piano", "I'd say piano.": "piano", "pianos": "piano", "The instrument that sounds before the violin is the piano.": "piano",
    "The sound heard before the violin comes from a piano.": "piano", "<think>cello or flute</think>Piano": "piano", "钢琴": "piano", "ピアノ": "piano", "Klavier": "piano",
    "I first thought of a cello, but the answer is piano.": "piano", "piano (not the cello)": "piano", "Final answer: piano": "piano", "piano</s>": "piano",
    "cello": "cello", "The cello starts, and then the violin.": "cello", "a violoncello": "cello", "大提琴": "cello", "celo": "cello", "acoustic guitar": "acoustic_guitar",
    "acoustic_guitar": "acoustic_guitar", "An acoustic guitar": "acoustic_guitar", "Electric bass": "electric_bass", "electric bass guitar": "electric_bass",
    "drum": "drum", "drums": "drum", "the drum kit": "drum", "conga drums": "congas", "conga": "congas", "bagpipes": "bagpipe", "sax": "saxophone",
    "a Chinese zither (guzheng)": "guzheng", "erhu": "erhu", "suona": "suona", "二胡": "erhu", "Flöte": "flute", "tuba": "tuba", "The flute does.": "flute",
    # unread
    "": None, "guitar": None, "double bass": None, "electric guitar": None, "a viola": None, "lute": None, "tube": None, "I don't know.": None, "piano or cello": None,
    "the piano and the cello": None, "left": None, "two": None, "yes": None, "no": None, "It is not the piano.": None, "Neither the piano nor the cello.": None,
    "I cannot hear the instruments.": None, "the violin sounds": None, "qwerty": None, "Which instrument makes sounds before the violin?": None, "an instrument": None,
    "Either the flute or the clarinet": None, "piano, cello, flute": None, "<think>piano": None, "strings": None,
}  # fmt: skip

LETTERS = {
    "C": "C", "c": "C", "C.": "C", "C)": "C", "(C)": "C", "(c)": "C", "[C]": "C", "{C}": "C", "**C**": "C", "*C*": "C", "`C`": "C", '"C"': "C", "'C'": "C",
    "**(C)**": "C", "<b>C</b>": "C", "<C>": "C", "C\n": "C", " \n C": "C", "C C C": "C", "C, C": "C", "C:": "C", "C -": "C", "# C": "C", "> C": "C", "- C": "C",
    "C. Two children run away": "C", "C) Two children run away.": "C", "(C) Two children run away": "C", "C: Two children run away": "C", "C - Two children run away": "C",
    "**C. Two children run away**": "C", "**C**. Two children run away": "C", "Two children run away": "C", "two children run away.": "C", "2 children run away": "C",
    "Two children run away (C)": "C", "Two children run away: C": "C", "The answer is C": "C", "The answer is C.": "C", "The answer is (C).": "C", "The answer is **C**.": "C",
    "the answer is c": "C", "The correct answer is C": "C", "The correct option is C.": "C", "The right choice is C.": "C", "The best answer is C.": "C", "My answer is C.": "C",
    "My final answer is C": "C", "Final answer: C": "C", "FINAL ANSWER: C": "C", "Answer: C": "C", "answer: c": "C", "Answer - C": "C", "Answer:\nC": "C", "Answer\n\nC": "C", "Ans: C": "C",
    "**Answer:** C": "C", "**Answer: C**": "C", "### Answer\nC": "C", "Answer: (C) Two children run away": "C", "Option C": "C", "option c": "C", "Option C.": "C", "Option (C)": "C",
    "It's C.": "C", "It is C": "C", "That would be C.": "C", "It must be C.": "C", "It should be option C.": "C", "I think it's C": "C", "I think C.": "C", "I believe the answer is C.": "C",
    "I'd go with C.": "C", "I would choose C": "C", "I choose C.": "C", "I pick (C).": "C", "I select option C.": "C", "I'd say C.": "C", "Let me go with C": "C", "I am going with C.": "C",
    "Definitely C.": "C", "Probably C": "C", "Most likely C.": "C", "Maybe C?": "C", "C?": "C", "C!": "C", "C, I think.": "C", "C, I guess": "C", "C is correct.": "C", "C is the answer.": "C",
    "C is the right answer": "C", "C seems most plausible.": "C", "C fits best.": "C", "C matches the video.": "C", "C because the children run.": "C", "So C.": "C", "So the answer is C.": "C",
    "Therefore, C.": "C", "Thus C": "C", "Hence, the answer is (C).": "C", "Sure! C.": "C", "Certainly! The answer is C.": "C", "Based on the video, the answer is C.": "C",
    "Based on the audio, C.": "C", "According to the clip, the correct answer is C.": "C", "After listening, I choose C.": "C", "Looking at the video, it is C.": "C",
    "\\boxed{C}": "C", "$\\boxed{C}$": "C", "\\boxed{\\text{C}}": "C", "\\boxed{C. Two children run away}": "C", "\\boxed{\\textbf{(C)}}": "C", "The final answer is $\\boxed{C}$.": "C",
    "<answer>C</answer>": "C", "<answer>\nC\n</answer>": "C", "<answer>C. Two children run away</answer>": "C", "<answer>C": "C", "<ANSWER>C</ANSWER>": "C", "<answer>(C)</answer>": "C",
    "<think>It might be A.</think>C": "C", "<think>A</think><answer>C</answer>": "C", "It might be A.</think>\n\nC": "C", "<thinking>B?</thinking>\nC": "C", "<think>x</think>\n\n**C**": "C",
    "◁think▷A or B◁/think▷C": "C", "[THINK]B[/THINK]C": "C", "<|channel|>analysis<|message|>It is A<|end|><|start|>assistant<|channel|>final<|message|>C": "C",
    "<think>I will write <answer>A</answer></think><answer>C</answer>": "C", '{"answer": "C"}': "C", "{'answer': 'C'}": "C", '{"Answer": "C"}': "C", '{"final_answer": "C"}': "C", '{"choice": "C"}': "C",
    '{"option": "C", "confidence": 0.8}': "C", '{"answer": "C. Two children run away"}': "C", '{"answer": ["C"]}': "C", '{"answer": {"letter": "C", "text": "Two children run away"}}': "C",
    '{"answer": "Two children run away"}': "C", '```json\n{"answer": "C"}\n```': "C", '```\nC\n```': "C", 'Here it is: {"answer": "C"}': "C", '{"reason": "A and B are wrong", "answer": "C"}': "C",
    '{"answer": "C", "explanation": "Because B happens later"': "C", '{"thought": "maybe A", "result": "C"}': "C", '{"answer":"C"}{"answer":"C"}': "C", "answer = C": "C",
    "assistant\nC": "C", "Assistant: C": "C", "<|im_start|>assistant\nC<|im_end|>": "C", "C<|im_end|>": "C", "C</s>": "C", "C<end_of_turn>": "C", "<assistant> C": "C",
    "not A, C": "C", "Not A. C.": "C", "It is C, not B.": "C", "C, not B": "C", "C rather than B": "C", "C instead of A.": "C", "Not A, not B, not D, so C.": "C", "It isn't A, it's C.": "C",
    "A is wrong. C is right.": "C", "A and B are wrong, so it is C.": "C", "A is incorrect, B is incorrect, C is correct, D is incorrect.": "C", "A: no\nB: no\nC: yes\nD: no": "C",
    "A ❌\nB ❌\nC ✅\nD ❌": "C", "A. wrong\nB. wrong\nC. correct\nD. wrong": "C", "~~A~~ C": "C", "I first thought A, but the answer is C.": "C", "I was going to say B, but it's C.": "C",
    "A... wait, actually C.": "C", "The answer is A. Wait, no, the answer is C.": "C", "B? No, C.": "C", "Initially I considered B, but C is correct.": "C", "Both A and C are possible, but C fits better.": "C",
    "Between A and C, I would choose C.": "C", "Although A is tempting, the answer is C.": "C", "Let's see. A: a woman opens a window, no. B: not seen. C: yes. So the answer is C.": "C",
    "A person shouts first, so the answer is C.": "C", "A child is seen, then C.": "C", "I think the answer is C because A is too early.": "C", "C\n\nExplanation: A happens before that.": "C",
    "C\n\nThe driver waves only later.": "C", "C. The other options (A, B, D) do not fit.": "C", "Answer: C\nReason: B is before the siren.": "C", "C is right since B and D are wrong": "C",
    "I'm not sure, but I'd guess C.": "C", "If I had to guess, C.": "C", "I can't hear well, but the answer is C.": "C", "Hard to tell, but C.": "C", "Without sound it is hard, my best guess is C.": "C",
    "答案：C": "C", "答案是 C": "C", "正确答案是C。": "C", "选C": "C", "应该选择C": "C", "答えはCです。": "C", "正解：C": "C", "정답은 C입니다.": "C", "정답: C": "C", "Respuesta: C": "C",
    "La respuesta es C": "C", "La respuesta correcta es la C.": "C", "La réponse est C.": "C", "Réponse : C": "C", "Die richtige Antwort ist C.": "C", "Antwort: C": "C", "La risposta corretta è C": "C",
    "A resposta correta é C.": "C", "Ответ: C": "C", "Правильный ответ — C": "C", "Đáp án: C": "C", "Jawaban: C": "C", "Cevap: C": "C", "Odpowiedź: C": "C", "Het antwoord is C.": "C", "उत्तर: C": "C",
    "The third option.": "C", "Option 3": "C", "the 3rd option": "C", "The last option": "D", "First option": "A", "第三个选项": "C", "THE ANSWER IS C": "C", "Ｃ": "C", "（C）": "C",
    "A": "A", "a": "A", "A.": "A", "A)": "A", "(A)": "A", "A. A woman opens a window": "A", "A woman opens a window": "A", "a woman opens a window": "A", "The answer is A": "A", "The answer is A.": "A",
    "Answer: A": "A", "A is correct": "A", "A, because a woman opens a window.": "A", "I choose A.": "A", "A because of the window": "A", "A A": "A", "Option A is correct.": "A", "A - A woman opens a window": "A",
    "A woman": "A", "A woman opens": "A", "window": "A", "the driver": "B", "A phone rings": "D", "A phone": "D", "phone rings": "D", "A phone rings.": "D", "D. A phone rings": "D", "a phone rings, I believe": "D",
    "After the siren stops, a phone rings.": "D", "You can hear that a phone rings.": "D", "The driver waves.": "B", "Then the driver waves, so B.": "B", "First a phone rings? No: the driver waves. B": "B",
    "<answer>a phone rings</answer>": "D", "The correct answer is: the driver waves": "B", "B\n(B) The driver waves": "B", "B: The driver waves. He lifts his hand.": "B",
    # unread
    "": None, " ": None, ".": None, "E": None, "F": None, "The answer is E": None, "(G)": None, "A B C D": None, "A, B, C, D": None, "A/B": None, "A or C": None, "A and C": None, "Either A or C.": None,
    "It is A or C": None, "The answer is A or C.": None, "Both A and C": None, "I can't decide between A and C.": None, "None of the above": None, "None of these options.": None, "All of the above": None, "No answer": None,
    "I cannot answer.": None, "I'm sorry, but I can't help with that.": None, "As an AI model, I cannot view videos.": None, "Apologies, no audio was given.": None, "Because of the noise.": None,
    "Certainly!": None, "Don't know": None, "Before the end.": None, "Could you repeat the question?": None, "Based on the video.": None, "Absolutely.": None, "Definitely not.": None, "C'est difficile.": None,
    "A difficult question.": None, "I": None, "I am not sure": None, "A. A woman opens a window\nB. The driver waves\nC. Two children run away\nD. A phone rings": None,
    "What happens right after the siren stops? A. A woman opens a window B. The driver waves C. Two children run away D. A phone rings": None, "What happens right after the siren stops?": None,
    "Please choose A, B, C or D.": None, "The answer is not A, B, C, or D.": None, "Not A.": None, "It is not C": None, "A is wrong.": None, "Neither A nor B.": None, "<think>The answer is C": None,
    "<think>C</think>": None, "<answer></answer>": None, "error_timeout": None, "Error: rate limit": None, "qwerty": None, "1": None, '{"answer": 2}': None, '{"answer": null}': None, '{"answer": ""}': None,
    "A phone rings (B)": None, "B. A phone rings": None, "The driver waves. C": None, "the key of C major": None, "in C minor": None, "vitamin C": None, "U.S.A.": None, "A cat sits there.": None, "Step 1: think. Step 2: compare with A": None,
    "I cannot choose between A, B, C, or D without the audio.": None, "If it were A, there would be a window.": None, "Is it C": None, "A or B or C": None, "Yes": None, "no": None, "It's hard to say.": None,
    "A woman opens a window and then two children run away.": None, "B? C?": None, "The options are A, B, C and D.": None, "\\boxed{}": None, "A B": None, "B\nC": None, "C or D, probably": None,
}  # fmt: skip

OTHERS = [  # question, options, {reply: option text}
    (TONE, MOODS, {
        "Happy": "Happy", "He is happy.": "Happy", "Nervous": "Nervous", "not happy but relieved": "Not happy but relieved", "C": "Not happy but relieved",
        "He is not happy, he is bored.": "Bored", "Not nervous": None, "bored, not happy": "Bored", "She sounds nervous.": "Nervous", "Happy or bored": None,
        "The speaker's mood is bored.": "Bored", "relieved": "Not happy but relieved", "He seems happy at first but is bored in the end: D": "Bored",
    }),
    (RINGS, TIMES, {
        "Once": "Once", "once": "Once", "1": "Once", "One time": "Once", "Twice.": "Twice", "2": "Twice", "two times": "Twice", "3 times": "Three times", "Three": "Three times",
        "It rings three times.": "Three times", "five": "Five times", "4": None, "The bell rings twice.": "Twice", "C": "Three times", "twice, not once": "Twice", "D. Five times": "Five times",
        "The answer is 5.": "Five times", "once or twice": None, "four times": None,
    }),
    (RINGS, DIGITS, {
        "1": "1", "2": "2", "3": "3", "13": "13", "two": "2", "Three": "3", "thirteen": "13", "B": "2", "B. 2": "2", "D) 13": "13", "The answer is 3.": "3", "2 times": "2", "4": None,
        "It rings 3 times.": "3", "option 2": "2", "A. 1": "1", '{"answer": 2}': "2", '{"answer": "B"}': "2", "(C) 3": "3", "2 or 3": None, "A": "1",
    }),
    ("Is the dog that is seen also heard?", ("Yes", "No"), {
        "Yes": "Yes", "yes, it is": "Yes", "No, it is silent": "No", "A": "Yes", "B": "No", "B. No": "No", "The answer is yes.": "Yes", "no": "No", "I don't know": None, "Yes and no": None, "(B)": "No", "A. Yes": "Yes",
        "True": "Yes", "Nope": "No", "maybe": None,
    }),
    ("What is in the background?", ("rain", "rain and thunder", "thunder", "none of the above"), {
        "rain and thunder": "rain and thunder", "rain": "rain", "only thunder": "thunder", "none of the above": "none of the above", "None of these": "none of the above", "D": "none of the above",
        "none": "none of the above", "It is rain.": "rain", "Rain and thunder are heard.": "rain and thunder", "rain or thunder": None, "B) rain and thunder": "rain and thunder", "thunder, not rain": "thunder",
        "None of the options match.": "none of the above", "wind": None,
    }),
    ("Who speaks first?", ("A. The man in red", "B. The man in blue", "C. The woman"), {
        "A": "A. The man in red", "The man in blue": "B. The man in blue", "B. The man in blue": "B. The man in blue", "the woman": "C. The woman", "C": "C. The woman", "the man": None, "The woman, not the man in red": "C. The woman",
        "the man in green": None, "D": None, "red": "A. The man in red",
    }),
    ("Which sound comes first?", tuple("ABCD"), {"B": "B", "The answer is C.": "C", "A clap is heard.": None, "I'd say D. The clip in D is clear.": "D", "A": "A", "None of them": None, "(A)": "A", "B or C": None}),
    ("What comes third?", ("a bell", "a horn", "a bird", "a drum", "a voice", "a car", "a dog", "a cat", "an engine", "rain"), {
        "J": "rain", "I": "an engine", "(I)": "an engine", "I think it is rain.": "rain", "The answer is I.": "an engine", "I hear a bird.": "a bird", "H": "a cat", "K": None,
    }),
]  # fmt: skip

LABELS = {
    "anger": "anger", "Angry.": "anger", "The person is angry.": "anger", "The person looks sad.": "sadness", "sad": "sadness", "Happy": "joy", "joy": "joy", "neutral": "neutral", "The emotion is surprise.": "surprise",
    "She is surprised, not angry.": "surprise", "The person shows fear.": "fear", "scared": "fear", "<answer>disgust</answer>": "disgust", "disgusted": "disgust", "<think>anger?</think>joy": "joy", "Not anger but fear": "fear",
    "Answer: sadness": "sadness", '{"emotion": "joy"}': "joy", "I'd say neutral": "neutral", "The answer is anger, because she shouts.": "anger", "Face and voice point to sadness. So the emotion is sadness.": "sadness",
    "anger or fear": None, "": None, "anger, disgust, fear, joy, neutral, sadness, surprise": None, "I can't tell.": None, "excited": None, "A man talks.": None, "not angry": None, "qwerty": None,
}  # fmt: skip
EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
