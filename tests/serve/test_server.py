"""The server's routes, with real workers."""

import base64
import io
import json
import time
from pathlib import Path

import pytest
from PIL import Image

from lookhear.serve import messages
from lookhear.serve.refusals import Refusal
from lookhear.serve.schemas import Message
from lookhear.serve.settings import Settings

QUESTION = "How many instruments are sounding in the video?"


def error(response, status, code):
    told = response.json()["error"]
    assert (response.status_code, told["code"]) == (status, code), told
    assert set(told) == {"message", "type", "param", "code"}
    return told["message"]


def data_url(path, kind="video/mp4"):
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def chat(server, *parts, **more):
    body = {"model": "stage", "messages": [{"role": "user", "content": list(parts)}], **more}
    return server.post("/v1/chat/completions", json=body)


def words(text):
    return {"type": "text", "text": text}


def film(url):
    return {"type": "video_url", "video_url": {"url": url}}


def picture(url):
    return {"type": "image_url", "image_url": {"url": url}}


def test_an_upload_is_named_by_an_id_and_shown_by_its_last_name(server, file):
    told = server.get(f"/files/{file}").json()
    assert told["filename"] == "my clip.mp4" and told["id"].startswith("file-")
    assert file in [one["id"] for one in server.get("/v1/files").json()["data"]]


def test_facts_are_measured(server, file):
    told = server.get(f"/files/{file}/facts").json()
    assert told["duration"] == pytest.approx(6, abs=0.1) and told["picture"]["width"] == 96
    columns = told["wave"]["columns"]
    assert len(columns) == pytest.approx(300, abs=6)
    assert max(h for _, h in columns[:140]) > 0.2 and max(h for _, h in columns[170:]) < 0.05
    assert Image.open(io.BytesIO(base64.b64decode(told["strip"][0]["picture"]))).height == 72


def test_content_comes_in_ranges_with_a_type_of_ours(server, file, clip):
    server.get(f"/files/{file}/facts")
    part = server.get(f"/files/{file}/content", headers={"Range": "bytes=4-11"})
    assert part.status_code == 206 and part.content == clip.read_bytes()[4:12]
    assert part.headers["content-type"] == "video/mp4" and "sandbox" in part.headers["content-security-policy"]


def test_answers_have_evidence_and_the_second_question_watches_nothing(server, file):
    body = {"clip": file, "questions": [QUESTION, "Which instrument plays first?"], "senses": True}
    first = server.post("/ask", json=body).json()
    again = server.post("/ask", json={"clip": file, "question": QUESTION}).json()
    assert [one["question"] for one in first["answers"]] == body["questions"]
    assert first["clip"] == {"seconds": 6.0, "seen": True, "heard": True}
    one = first["answers"][0]
    assert len(one["evidence"]["heard"]) == 6 and set(one["opinions"]) >= {"audio", "visual"}
    assert again["cached"] and again["answers"][0]["scores"] == one["scores"]


def test_what_a_track_is_changes_the_answer(server, file, sound):
    other = server.post("/files?name=other.wav", content=sound.read_bytes()).json()["id"]
    told = {}
    for name, tracks in {
        "own": {},
        "mute": {"audio": "blank"},
        "dark": {"video": "blank"},
        "other": {"audio": other},
    }.items():
        answer = server.post("/ask", json={"clip": file, **tracks, "question": QUESTION}).json()["answers"][0]
        told[name] = answer["scores"]
    assert len({json.dumps(scores) for scores in told.values()}) == 4


def test_a_timeline_and_its_exports(server, file):
    told = server.post("/watch", json={"clip": file}).json()["timeline"]
    assert told["duration"] == pytest.approx(6, abs=0.1)
    assert told["silence"] and told["silence"][0][0] == pytest.approx(3, abs=1.01)
    assert server.post("/watch?format=webvtt", json={"clip": file}).text.startswith("WEBVTT")
    for format in ("audacity", "elan", "textgrid", "label_studio", "fiftyone"):
        assert server.post(f"/watch?format={format}", json={"clip": file}).status_code == 200, format
    assert "unknown_format" in server.post("/watch?format=doc", json={"clip": file}).text


def test_a_job_is_accepted_followed_and_done(server, file):
    accepted = server.post("/ask", json={"clip": file, "question": QUESTION, "background": True})
    assert accepted.status_code == 202
    where = accepted.headers["location"]
    events = [
        json.loads(line[6:]) for line in server.get(f"{where}/events").text.splitlines() if line.startswith("data:")
    ]
    assert events[-1]["state"] == "done"
    assert server.get(where).json()["result"]["answers"][0]["question"] == QUESTION
    error(server.get("/jobs/job-000000000000000000000000"), 404, "job_not_found")


def test_chat_in_every_dialect_of_parts(server, clip, sound, file):
    video = {"type": "video_url", "video_url": {"url": data_url(clip)}}
    heard = {
        "type": "input_audio",
        "input_audio": {"data": base64.b64encode(sound.read_bytes()).decode(), "format": "wav"},
    }
    held = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(held, "JPEG")
    frame = {
        "type": "image_url",
        "image_url": {"url": f"data:image/jpeg;base64,{base64.b64encode(held.getvalue()).decode()}"},
    }
    kept = {"type": "file", "file": {"file_id": file}}
    dialects = {
        "video": [video], "kept": [kept], "sound": [heard], "both": [video, heard], "picture": [frame],
        "in turns": [frame, heard, frame, heard],
        "frames": [words("At 0.5 s:"), frame, words("At 5.5 s:"), frame, heard],
    }  # fmt: skip
    for name, parts in dialects.items():
        told = chat(server, *parts, words(f"{QUESTION}\nAnswer in a few words.")).json()
        assert "choices" in told and told["choices"][0]["finish_reason"] == "stop", (name, told)
        assert told["choices"][0]["message"]["content"] and told["usage"]["prompt_tokens"] > 50, name
    assert told["lookhear"]["clip"]["seconds"] == pytest.approx(6, abs=0.1) and told["lookhear"]["clip"]["seen"]


def test_chat_streams_and_takes_options(server, file):
    kept = {"type": "file", "file": {"file_id": file}}
    ask = words("Which one plays?\nA. flute\nB. tuba\nAnswer with the letter of the right option.")
    assert chat(server, kept, ask).json()["choices"][0]["message"]["content"] in ("A. flute", "B. tuba")
    lines = chat(server, kept, ask, stream=True, stream_options={"include_usage": True}).text.split("\n\n")
    assert lines[-2] == "data: [DONE]" and '"usage"' in lines[-3]
    assert '"role": "assistant"' in lines[0]


def test_a_conversation_is_refused_by_a_model_that_reads_questions_alone(server, file):
    kept = {"type": "file", "file": {"file_id": file}}
    first = [{"role": "user", "content": [kept, words(QUESTION)]}, {"role": "assistant", "content": "flute"}]
    talk = {"messages": [*first, {"role": "user", "content": "And then?"}]}
    error(server.post("/v1/chat/completions", json=talk), 400, "unsupported_history")
    told = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": [kept, words(QUESTION)]}]
    answer = server.post("/v1/chat/completions", json={"messages": told}).json()["lookhear"]
    assert answer["question"] == QUESTION and "instructions were not used" in answer["notes"][-1]


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0.7},
        {"top_p": 0.5},
        {"presence_penalty": 1},
        {"frequency_penalty": -1},
        {"logit_bias": {"5": 1}},
        {"logprobs": True},
        {"top_logprobs": 3},
        {"n": 2},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_would_change_the_answer_is_refused(server, file, more):
    kept = {"type": "file", "file": {"file_id": file}}
    error(chat(server, kept, words(QUESTION), **more), 400, "unsupported_value")


def test_settings_that_change_nothing_are_taken_and_stop_is_honoured(server, file):
    kept = {"type": "file", "file": {"file_id": file}}
    plain = chat(server, kept, words(QUESTION)).json()["choices"][0]["message"]["content"]
    same = {"temperature": 0, "top_p": 0.9, "seed": 7, "presence_penalty": 0, "logprobs": False, "stop": ["~~"]}
    assert chat(server, kept, words(QUESTION), **same).json()["choices"][0]["message"]["content"] == plain
    cut = chat(server, kept, words(QUESTION), stop=plain[1]).json()["choices"][0]
    assert cut["message"]["content"] == plain[:1] and cut["finish_reason"] == "stop"


def test_a_language_model_is_given_what_was_said_before():
    said = [Message(role="system", content="Be kind."), Message(role="user", content=[film("data:x"), words("Who?")])]
    said += [Message(role="assistant", content="A flute."), Message(role="user", content="And then?")]
    asked = messages.read(said, 8, 1000)
    assert asked.conversation() == "system: Be kind.\nuser: Who?\nassistant: A flute.\nAnd then?"
    with pytest.raises(Refusal):
        messages.read([Message(role="user", content="x" * 9000), *said], 8, 1000)


def test_keys_reach_the_worker_and_nothing_that_others_can_see(monkeypatch):
    from lookhear.serve import answering

    given = {}

    class Loaded:
        name, vocabulary = "far", ()

        def ask(self, *what):
            return []

    monkeypatch.setattr(answering, "load", lambda name, **late: given.update({name: late}) or Loaded())
    answering.Keeper(["endpoint@http://h/v1", "stage"], 1, 1, {"endpoint@http://h/v1": {"key": "secret"}})
    assert given == {"endpoint@http://h/v1": {"key": "secret"}, "stage": {}}
    assert "secret" not in repr(Settings(Path("x"), accounts={"m": {"key": "secret"}}))


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ([words("Who?")], 400, "no_media"),
        ([film("file:///etc/passwd"), words("Who?")], 400, "unsupported_url"),
        ([film("http://127.0.0.1/x"), words("Who?")], 400, "remote_off"),
        ([film("data:video/mp4;base64,%%%"), words("Who?")], 400, "invalid_base64"),
        ([film("data:video/mp4;base64,AAAA"), words("Who?")], 422, "media_refused"),
        ([picture("data:image/png;base64,AAAA"), words("Who?")], 422, "media_refused"),
        ([{"type": "hologram"}, words("Who?")], 400, "unsupported_part"),
        ([{"type": "file", "file": {"file_id": "file-../../etc/passwd"}}, words("Who?")], 404, "file_not_found"),
    ],
)  # fmt: skip
def test_messages_that_are_refused(server, parts, status, code):
    error(chat(server, *parts), status, code)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"clip": "file-nobodyknowsthis", "question": "Who?"}, 404, "file_not_found"),
        ({"question": "Who?"}, 400, "missing_clip"),
        ({"clip": "FILE"}, 400, "missing_question"),
        ({"clip": "FILE", "question": "  "}, 400, "empty_question"),
        ({"clip": "FILE", "questions": ["Who?"] * 10_000}, 400, "too_many_questions"),
        ({"clip": "FILE", "question": "W" * 5_000}, 413, "too_large"),
        ({"clip": "FILE", "question": "Who?", "start": 99}, 400, "invalid_start"),
        ({"clip": "FILE", "question": "Who?", "start": 2, "end": 1}, 400, "invalid_end"),
        ({"clip": "FILE", "question": "Who?", "model": "gpt-4"}, 404, "model_not_found"),
        ({"clip": "FILE", "question": "Who?", "start": "soon"}, 400, "invalid_value"),
        ({"clip": "FILE", "question": "Who?", "path": "/etc/passwd"}, 400, "invalid_value"),
        ({"clip": "/etc/passwd", "question": "Who?"}, 400, "unsupported_url"),
        ({"video": "blank", "audio": "blank", "question": "Who?"}, 400, "nothing_to_watch"),
    ],
)
def test_questions_that_are_refused(server, file, body, status, code):
    error(server.post("/ask", json={k: file if v == "FILE" else v for k, v in body.items()}), status, code)


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"[" * 200_000, 400, "invalid_json"),
        (b'{"clip": NaN}', 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b"[]", 400, "invalid_value"),
        (b'{"clip": "x", "question": "' + b"x" * 5_000_000 + b'"}', 413, "too_large"),
    ],
)
def test_bodies_that_are_no_json(server, raw, status, code):
    error(server.post("/ask", content=raw, headers={"content-type": "application/json"}), status, code)


def test_a_body_of_another_type_is_refused(server):
    error(server.post("/ask", content=b"{}", headers={"content-type": "text/plain"}), 415, "unsupported_media_type")


def test_uploads_that_are_refused(server, limits):
    error(server.post("/files", content=b""), 400, "empty_file")
    error(server.post("/files", content=b"x" * (limits.file_bytes + 1)), 413, "too_large")
    error(server.post("/files", files={"other": b"x"}), 400, "missing_file")
    half = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf of it'
    form = {"content-type": "multipart/form-data; boundary=x"}
    error(server.post("/files", content=half, headers=form), 400, "invalid_form")
    assert not list(server.app.state.engine.library.root.glob("parts/*"))


def test_what_is_no_media_is_kept_but_not_watched(server):
    for name, data in {
        "page.mp4": b"<html>",
        "list.mp4": b"#EXTM3U\n/etc/passwd",
        "zip.mp4": b"PK\x03\x04" * 99,
    }.items():
        id = server.post(f"/files?name={name}", content=data).json()["id"]
        message = error(server.post("/ask", json={"clip": id, "question": "Who?"}), 422, "media_refused")
        assert "blobs" not in message and "/tmp" not in message
        assert server.get(f"/files/{id}/content").headers["content-disposition"] == "attachment"


def test_a_worker_that_dies_costs_nothing(server, file):
    import os
    import signal

    for child in server.app.state.engine.workers.children:
        os.kill(child.process.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert server.post("/ask", json={"clip": file, "question": QUESTION}).status_code == 200


def test_the_page_its_headers_and_the_counters(server):
    page = server.get("/")
    assert "lookhear" in page.text and "default-src 'self'" in page.headers["content-security-policy"]
    again = server.get("/", headers={"if-none-match": page.headers["etag"]})
    assert again.status_code == 304
    assert server.get("/static/main.js").headers["content-type"].startswith("text/javascript")
    for name in ("..%2fapp.py", "nothing.js", "%2e%2e/settings.py"):
        assert server.get(f"/static/{name}").status_code in (404, 405)
    assert "lookhear_requests_total" in server.get("/metrics").text
    assert {"/ask", "/watch", "/v1/chat/completions"} <= set(server.get("/openapi.json").json()["paths"])
    assert "cdn." not in server.get("/docs").text
    error(server.get("/nothing"), 404, "not_found")
    error(server.put("/ask"), 405, "method_not_allowed")


def test_memory_of_bodies_is_given_back(server, clip, limits):
    for _ in range(3):
        chat(server, film(data_url(clip)), words(QUESTION))
        chat(server, film("data:video/mp4;base64,%%%"), words(QUESTION))
        server.post("/ask", content=b"{", headers={"content-type": "application/json"})
    assert server.app.state.budget.left == limits.bodies_bytes


def test_too_much_at_once_is_refused_for_now(server, clip):
    budget = server.app.state.budget
    kept, budget.left = budget.left, 10
    try:
        late = chat(server, film(data_url(clip)), words(QUESTION))
        error(late, 503, "busy")
        assert late.headers["retry-after"] == "2"
    finally:
        budget.left = kept
