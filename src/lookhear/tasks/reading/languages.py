"""Translate frequent words of other languages to English: yes and no, numerals, places, instruments, "the answer is".

Only unambiguous words are included. A word that is also an English word or an article ("un", "die", "a") is translated
only if it is the whole reply (`ALONE`). All other words are left unchanged.
"""

from __future__ import annotations

import re
import unicodedata

MOST = 200  # most phrases of a statement that are translated
ANSWER = "the answer is "
PHRASES = {  # languages without spaces between words: matched anywhere, the longest first
    **dict.fromkeys(
        (
            "正确选项为",
            "正确选项是",
            "正确的选项是",
            "选项为",
            "选项是",
            "故选",
            "应选",
            "答案是",
            "答案为",
            "答案應該是",
            "答案应该是",
            "答案",
            "我认为是",
            "我觉得是",
            "正解は",
            "答えは",
            "答え",
            "정답은",
            "정답",
            "답은",
        ),
        ANSWER,
    ),
    **dict.fromkeys(("应该选择", "应该选", "我选", "选", "选择", "選擇", "应该是", "選項", "选项"), " option "),
    **dict.fromkeys(("不是", "并非", "而非", "ではなく", "ではありません", "아닙니다", "没有", "沒有"), " not "),
    **dict.fromkeys(("是的", "对的", "正确的", "はい", "네,", "네.", "그렇습니다", "नहीं तो", "ใช่"), " yes, "),
    **dict.fromkeys(("不是的", "不对", "いいえ", "아니요", "아니오", "不正确", "没有。"), " no, "),
    **dict.fromkeys(("左侧", "左边", "左邊", "左側", "左手边", "왼쪽", "左の"), " on the left "),
    **dict.fromkeys(("右侧", "右边", "右邊", "右側", "右手边", "오른쪽", "右の"), " on the right side "),
    **dict.fromkeys(("中间", "中間", "中央", "正中", "真ん中", "가운데", "중앙"), " middle "),
    **dict.fromkeys(("室内", "室內", "屋内", "실내"), " indoor "),
    **dict.fromkeys(("室外", "户外", "戶外", "屋外", "야외", "실외"), " outdoor "),
    **dict.fromkeys(("同时", "同時", "동시에"), " simultaneously "),
    "钢琴": " piano ",
    "鋼琴": " piano ",
    "ピアノ": " piano ",
    "피아노": " piano ",
    "小提琴": " violin ",
    "バイオリン": " violin ",
    "ヴァイオリン": " violin ",
    "바이올린": " violin ",
    "大提琴": " cello ",
    "チェロ": " cello ",
    "첼로": " cello ",
    "长笛": " flute ",
    "フルート": " flute ",
    "플루트": " flute ",
    "单簧管": " clarinet ",
    "クラリネット": " clarinet ",
    "클라리넷": " clarinet ",
    "小号": " trumpet ",
    "トランペット": " trumpet ",
    "트럼펫": " trumpet ",
    "大号": " tuba ",
    "チューバ": " tuba ",
    "튜바": " tuba ",
    "萨克斯管": " saxophone ",
    "萨克斯": " saxophone ",
    "サックス": " saxophone ",
    "색소폰": " saxophone ",
    "巴松管": " bassoon ",
    "巴松": " bassoon ",
    "ファゴット": " bassoon ",
    "手风琴": " accordion ",
    "アコーディオン": " accordion ",
    "아코디언": " accordion ",
    "木吉他": " acoustic guitar ",
    "电贝斯": " electric bass ",
    "电贝司": " electric bass ",
    "古筝": " guzheng ",
    "古箏": " guzheng ",
    "琵琶": " pipa ",
    "二胡": " erhu ",
    "唢呐": " suona ",
    "木琴": " xylophone ",
    "班卓琴": " banjo ",
    "尤克里里": " ukulele ",
    "ウクレレ": " ukulele ",
    "우쿨렐레": " ukulele ",
    "风笛": " bagpipe ",
    "バグパイプ": " bagpipe ",
}
COUNTED = "种個个件把位类首台架支面張张つ種類本人名"
DIGITS = {
    "零": "zero",
    "一": "one",
    "二": "two",
    "两": "two",
    "兩": "two",
    "三": "three",
    "四": "four",
    "五": "five",
    "六": "six",
    "七": "seven",
    "八": "eight",
    "九": "nine",
    "十": "ten",
}
KOREAN = {
    "하나": "one",
    "한": "one",
    "둘": "two",
    "두": "two",
    "셋": "three",
    "세": "three",
    "넷": "four",
    "네": "four",
    "다섯": "five",
    "여섯": "six",
    "일곱": "seven",
    "여덟": "eight",
    "아홉": "nine",
    "열": "ten",
}
SPELLED = {  # matched as whole words
    "zero": "null cero zéro ноль нуль صفر शून्य",
    "one": "один одна واحد एक",
    "two": "deux zwei dos dois duas два две twee اثنان दो",
    "three": "trois drei tres três три drie ثلاثة तीन",
    "four": "quatre vier cuatro quatro quattro четыре أربعة चार",
    "five": "cinq fünf cinco cinque пять vijf خمسة पांच पाँच",
    "six": "sechs seis шесть zes ستة छह",
    "seven": "sieben siete sete sette семь zeven سبعة सात",
    "eight": "huit acht ocho oito восемь ثمانية आठ",
    "nine": "neuf neun nueve nove девять negen تسعة नौ",
    "ten": "zehn diez dez dieci десять tien عشرة दस",
    "eleven": "onze",
    "twelve": "zwölf douze doce",
    "yes": "oui sí да igen evet نعم हाँ हां",
    "no": "nein нет ні hayır لا नहीं нема",
    "left": "gauche izquierda sinistra esquerda слева левый левая сол يسار",
    "right side": "droite derecha rechts destra direita справа правый правая يمين",
    "middle": "milieu mitte centro medio mezzo meio середине посередине وسط",
    "outdoor": "extérieur draußen exterior",
    "indoor": "intérieur drinnen",
    "simultaneously": "simultanément gleichzeitig simultáneamente contemporaneamente одновременно",
    "piano": "klavier фортепиано пианино рояль",
    "violin": "geige violine violín violon violino скрипка",
    "cello": "violonchelo violoncelle violoncello виолончель",
    "flute": "flöte flauta flûte flauto флейта",
    "clarinet": "klarinette clarinete clarinette clarinetto кларнет",
    "trumpet": "trompete trompeta trompette tromba",
    "saxophone": "saxophon saxofón sassofono саксофон",
    "bassoon": "fagott fagot basson fagotto фагот",
    "accordion": "akkordeon acordeón accordéon fisarmonica аккордеон",
    "drum": "schlagzeug trommel tambour batería барабан барабаны",
    "bagpipe": "dudelsack gaita cornemuse волынка",
    "xylophone": "xylophon xilófono xilofono ксилофон",
    "not": "nicht kein keine keinen keiner geen",
    "but": "sondern",
    "or": "oder или",
}
ALONE = {  # matched only as the whole reply
    "one": "un une uno una ein eine um uma 一 1つ 一つ",
    "two": "due 二 2つ 二つ",
    "three": "tre 三 三つ",
    "six": "sei 六",
    "yes": "ja si oui sim tak só 是 对 對 有 有的 네 예 はい ya",
    "no": "non não nee nej nie 否 不 不是 不是的 没有 沒有 没有的 不，没有 没 无 無 아니 tidak bukan không",
    "left": "左 links",
    "right side": "右",
    "middle": "中",
    "ten": "十",
    "four": "四",
    "five": "五",
    "seven": "sept 七",
    "eight": "八",
    "nine": "九",
}
NOUNS = (  # "the answer is", noun and verb, in languages with spaces
    r"la (?:respuesta|opción)(?: correcta| es la correcta)? (?:es|sería)(?: la)?|respuesta(?: correcta| final)?\s?:",
    r"la (?:bonne |meilleure )?réponse(?: correcte| finale| exacte)? (?:est|serait)(?: la)?|réponse(?: finale)?\s?:",
    r"die (?:richtige |korrekte )?antwort (?:ist|lautet|wäre)|(?:richtige )?antwort\s?:|richtig ist",
    r"la (?:risposta|opzione)(?: corretta| giusta)? (?:è|sarebbe)(?: la)?|risposta(?: corretta)?\s?:",
    r"a (?:resposta|opção|alternativa)(?: correta| certa)? (?:é|seria)(?: a(?= \S))?|resposta(?: correta)?\s?:",
    r"(?:правильный |верный )?ответ(?:\s?[:—–-])?|(?:правильна )?відповідь(?:\s?[:—–-])?",
    r"(?:prawidłowa |poprawna )?odpowiedź (?:to|brzmi)|odpowiedź\s?:|het (?:juiste )?antwoord is|antwoord\s?:",
    r"(?:doğru )?cevap(?:\s?:)?|đáp án(?: đúng)? là|đáp án\s?:|jawaban(?:nya)?(?: yang benar)?(?: adalah|\s?:)",
    r"(?:सही )?उत्तर(?:\s?:)?|الإجابة(?: الصحيحة)?(?: هي|\s?:)|คำตอบ(?:ที่ถูกต้อง)?(?:คือ|\s?:)",
    r"\bans(?:wer)?\s?\.(?=\s?\(?[A-Za-z]\b)",
)
OPTION = re.compile(  # the lookahead saves trying every branch at every word, here and in STATED
    r"\b(?=[oвrоalbб])(?:(?:opción|opzione|opção|вариант)\b|(?:réponse|respuesta|risposta|resposta|ответ|antwort|"
    r"letra|lettre|lettera|buchstabe|буква|letter)(?= \(?[A-Z]\b))",
    re.IGNORECASE,
)
LETTERED = re.compile(r"\b(?:[Ll]a|[Ee]l|[Ii]l)(?= \(?[A-Z]\)?\s?(?:[.,;:!]|$))")  # "es la C.", "è la B, perché"
CHOOSE = re.compile(
    r"\b(?=[jiecdsaвяw])(?:je (?:choisis|dirais|pense que c'est|opte pour)|"
    r"ich (?:wähle|nehme|denke,? es ist|glaube,? es ist|tippe auf)|elijo|escojo|creo que es|diría que es|"
    r"scelgo|direi|escolho|acho que é|выбираю|я думаю,? (?:что )?это|ik kies|wybieram)\b",
    re.IGNORECASE,
)
SIDES = {"left": "on the left", "right side": "on the right side"}
WORD = {word: f" {SIDES.get(english, english)} " for english, words in SPELLED.items() for word in words.split()}
WHOLE = {word: english for english, words in ALONE.items() for word in words.split()}
FOUND = re.compile(
    "|".join(re.escape(p) for p in sorted(PHRASES, key=len, reverse=True))
    + r"|第[一二三四五六七八九十](?:[个個]?[选選]?[项項]?)"
    + rf"|([{''.join(DIGITS)}]{{1,3}})(?=[{COUNTED}]|\s?(?:楽器|乐器))"
    + rf"|\b({'|'.join(sorted(KOREAN, key=len, reverse=True))})(?=\s?(?:개|가지|종류|대|명))"
)
LEADS = re.compile(
    rf"\s*({'|'.join(sorted(map(re.escape, WHOLE), key=len, reverse=True))})\s?[,，、:;!.。！—–]\s*", re.IGNORECASE
)
UNLATIN = re.compile("[\u0600-\u1fff\u2070-\U0010ffff]")  # scripts from Arabic on, without punctuation
FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")
WORDS = re.compile(r"[^\W\d_]+")
BETWEEN = re.compile(
    r"(?<=[A-Za-z0-9)])(?=[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])|"
    r"(?<=[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])(?=[A-Za-z0-9(])"
)
STATED = re.compile(rf"(?<!\w)(?=[lrdapoвпоhcđjसउاค])(?:{'|'.join(NOUNS)})", re.IGNORECASE)
ORDINALS = dict(
    zip(
        "一二三四五六七八九十",
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"],
        strict=True,
    )
)


def english(text: str) -> str:
    """`text` with known foreign words translated to English and digits of every script as 0-9."""
    whole = text.strip(" .。!！\n").lower()
    if whole in WHOLE:
        return WHOLE[whole]
    if (leads := LEADS.match(text)) and (meant := WHOLE[leads[1].lower()]) in ("yes", "no"):
        text = f"{meant}, {text[leads.end() :]}"
    if UNLATIN.search(text):
        text = FOREIGN_DIGIT.sub(_digit, text)
        text = BETWEEN.sub(" ", FOUND.sub(_phrase, text, count=MOST))
    text = LETTERED.sub("option", CHOOSE.sub("I choose", STATED.sub(ANSWER, text)))
    text = OPTION.sub("option", text)
    return WORDS.sub(lambda m: WORD.get(m[0].lower(), m[0]), text)


def _digit(match: re.Match[str]) -> str:
    value = unicodedata.digit(match[0], None)
    return match[0] if value is None else str(value)


def _phrase(match: re.Match[str]) -> str:
    if match[1]:
        return f" {_han(match[1])} "
    if match[2]:
        return f" {KOREAN[match[2]]} "
    if match[0] in PHRASES:
        return PHRASES[match[0]]
    return f" {ORDINALS[match[0][1]]} {'option' if len(match[0]) > 3 else ''} "


def _han(number: str) -> str:
    """A Chinese numeral of up to three characters, such as 十二, as digits or a word."""
    if len(number) == 1:
        return DIGITS[number]
    tens, _, ones = number.partition("十")
    values = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "兩": 2}
    if "十" not in number:
        return number
    return str(10 * values.get(tens, 1) + values.get(ones, 0))
