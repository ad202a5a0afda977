"""Questions in many wordings are read as the program that answers them."""

import pytest

from lookhear.timeline import vectors
from lookhear.timeline.grammar import read

READ = [
    ("Is there a dog?", "exist", "", ["dog"]),
    ("Do you hear a puppy barking?", "exist", "heard", ["dog"]),
    ("Can you see a violin?", "exist", "seen", ["violin"]),
    ("Are there violin and cello instruments in the video?", "exist", "", ["violin", "cello"]),
    ("What do you hear?", "what", "heard", []),
    ("Which instrument is playing?", "what", "heard", []),
    ("When does the dog bark?", "when", "", ["dog"]),
    ("How long does the music play?", "how_long", "heard", ["music"]),
    ("How often does the dog bark?", "how_often", "", ["dog"]),
    ("Which instrument makes sounds first?", "extreme", "heard", []),
    ("What is the first instrument that comes in?", "extreme", "", []),
    ("Which instrument makes sounds before the violin?", "neighbour", "heard", ["violin"]),
    ("Is the violin louder than the piano?", "louder", "heard", ["violin", "piano"]),
    ("Where is the cat?", "where", "", ["cat"]),
    ("What is said?", "said", "", []),
    ("Who is speaking?", "who_said", "", []),
    ("Is it ever silent?", "silence", "", []),
    ("How many types of musical instruments were heard throughout the video?", "count", "heard", []),
    ("How many instruments in the video did not sound from beginning to end?", "count_silent", "heard", []),
    ("Is the violin in the video always playing?", "always", "", ["violin"]),
    ("Is this sound from the instrument in the video?", "matched", "", []),
    ("Which is the musical instrument that sounds at the same time as the violin?", "together", "heard", ["violin"]),
    ("Is there a voiceover?", "exist", "", ["speech"]),
    ("Where is the performance?", "place", "", []),
    ("Why is the man sad?", "unknown", "", []),
    ("How long is the video?", "duration", "", []),
    ("How many cuts are there?", "cuts", "", []),
    ("At what second does the first bark happen?", "when", "", []),
    ("In which second does the dog bark?", "when", "", ["dog"]),
    ("Name one sound from this video.", "what", "heard", []),
    ("What sounds come from the clip?", "what", "heard", []),
    ("Is a horse heard at the same time as it is seen?", "alongside", "", ["horse"]),
    ("Do you see the drum while you hear it?", "alongside", "", ["drum"]),
    ("Does the engine ever stop?", "stops", "", ["engine"]),
    ("Does the music stop before the video ends?", "stops", "", ["music"]),
    ("Does the barking go on until the end?", "lasts", "", ["dog"]),
    ("What do they talk about?", "said", "", []),
    ("How long does this clip go on for?", "duration", "", []),
    ("Does the camera cut to another scene?", "cuts", "", []),
    ("Is the television on?", "unknown", "", []),
    ("Is there a fireplace?", "exist", "", ["fireplace"]),
    ("Is there a television in the room?", "exist", "", ["television"]),
    ("Does anyone talk while the dog barks?", "together", "", ["speech", "dog"]),
    ("Does a person say something?", "exist", "", ["speech"]),
    ("Is that buzzing from a lawn mower?", "exist", "", ["lawn mower"]),
    ("What is the animal doing?", "unknown", "", []),
    ("Does the dog bark?", "exist", "heard", ["dog"]),
    ("Does the dog howl?", "exist", "heard", ["howl"]),
    ("Does the horse neigh?", "exist", "heard", ["horse"]),
    ("Can you see a dog barking?", "exist", "seen", ["dog"]),
    ("Is the animal a dog?", "exist", "", ["animal", "dog"]),
    ("Is the puppy barking or howling?", "exist", "", ["bark", "howl"]),
    ("Is the baby crying or laughing?", "exist", "", ["crying", "laughter"]),
    ("Is the bird singing or squawking?", "exist", "", ["squawk"]),
    ("Is the dog or the cat barking?", "exist", "", ["dog", "cat"]),
]


@pytest.mark.parametrize(("question", "program", "stream", "things"), READ)
def test_reading(question, program, stream, things):
    query = read(question)
    assert query.program == program
    if stream:
        assert query.stream in (stream, "")
    if things:
        assert [t.concept.name for t in query.things if t.concept] == things


@pytest.mark.parametrize("question", ["What is that banging?", "Name something that can be heard."])
def test_a_sound_that_is_pointed_at_is_no_instrument(question):
    query = read(question)
    assert (query.program, query.kind) == ("what", "")


def test_what_a_thing_does_is_heard():
    assert read("Does the dog bark?").stream == read("When does the dog bark?").stream == "heard"
    assert read("Is there a dog?").stream == ""


def test_a_question_of_no_kind_is_not_read():
    assert read("Colourless green ideas sleep furiously").program == ""


def test_a_quoted_word_is_kept():
    assert read('When does she say "country"?').quote == "country"


@pytest.mark.skipif(not vectors.is_installed(), reason="the package wordllama is not installed")
def test_word_vectors_read_what_no_rule_does():
    assert read("make out the noises for me, would you").program == "what"


@pytest.mark.parametrize(
    ("asked", "program", "names"),
    [
        ("do u hear a vioiln", "exist", ["violin"]),
        ("whats he drumming on", "what", ["drum"]),
        ("sax or trumpet?", "exist", ["saxophone", "trumpet"]),
        ("Which is it: a lawn mower, a chainsaw or a helicopter?", "exist", ["lawn mower", "chainsaw", "helicopter"]),
        ("I see a fiddle, don't I?", "exist", ["violin"]),
        ("Apart from the clarinet, is there a drum too?", "exist", ["drum"]),
        ("Do the drums play all the way through?", "always", ["drum"]),
        ("Do you hear the siren for most of the clip?", "mostly", ["siren"]),
        ("Might there be a helicopter nearby?", "exist", ["helicopter"]),
        ("Which instrument is more expensive?", "unknown", None),
        ("Do you agree with what he says?", "unknown", None),
        ("Is the harp on the left?", "where", ["harp"]),
    ],
)
def test_as_people_write(asked, program, names):
    query = read(asked)
    assert query.program == program
    if names is not None:
        assert [thing.concept.name for thing in query.things] == names


def test_what_a_word_only_describes_is_not_there():
    (case,) = read("Is there a guitar case?").things
    assert case.concept is None
    assert case.near == "a guitar"
    assert read("Is there a trunk?").misspelt == ()


def test_a_mended_word_is_told():
    assert read("Is there a saxaphone?").misspelt == (("saxaphone", "saxophone"),)
    assert read('Is the word "saxaphone" said?').misspelt == ()
