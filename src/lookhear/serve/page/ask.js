// The view "Ask": bring a clip, watch it, ask, see what answers rest on, switch tracks, export, share.

import { call, job, json, upload } from "./api.js";
import * as player from "./player.js";
import { $, copy, guarded, make, percent, ranked, seconds, warn, words } from "./tools.js";

const KEPT = 30; // answers kept of a clip
const state = { about: null, clip: null, name: "", timeline: null, answers: [], sound: null, stop: null, asked: 0 };
const SENSES = { audio: "Ear alone", visual: "Eye alone", joint: "Both, joined" };
const SUGGESTED = ["What do you hear?", "What do you see?", "What happens first?", "What is said?"];
const STAGED = ["Which instrument plays first?", "How many instruments are sounding in the video?"]; // what `stage` was taught

const LATER = 4000; // milliseconds after which a young server is asked for its examples again

async function late() {
  const about = await json("/about").catch(() => null);
  if (!about) return;
  state.about = about;
  examples(about.examples);
  if (!about.examples.length) setTimeout(late, 2 * LATER);
}

export function start(about) {
  state.about = about;
  if (!about.examples.length && about.draws) setTimeout(late, LATER);
  $("format").replaceChildren(...about.formats.map((f) => make("option", { value: f }, f)));
  $("remote").hidden = !about.remote;
  examples(about.examples);
  world();
  link();
}

function world() {
  const stage = $("model").value === "stage";
  $("world").hidden = !stage;
  $("world").textContent = "This model knows the drawn musicians of Soundstage only. Of other videos its answers are guesses.";
}

function examples(list) {
  $("examples").hidden = !list.length;
  $("examples").replaceChildren(make("span", {}, "Examples:"), ...list.map((one) =>
    make("button", { type: "button", onclick: () => watch({ id: one.file, name: one.name }) }, one.name)));
  $("sound").querySelectorAll("[data-example]").forEach((o) => o.remove());
  for (const one of list) {
    const option = make("option", { value: one.file }, `of ${one.name}`);
    option.dataset.example = "1";
    $("sound").insertBefore(option, $("sound").lastElementChild);
  }
}

// ---- bringing a clip ----------------------------------------------------------------------------------------------

function progress(text, share) {
  $("progress").hidden = false;
  $("progress-text").textContent = text;
  if (share === undefined) $("progress-bar").removeAttribute("value");
  else $("progress-bar").value = share;
}

function stopper() {
  state.stop?.abort();
  state.stop = new AbortController();
  return state.stop.signal;
}

async function bring(file, name = file.name || "recording.webm") {
  const most = state.about.limits.file_bytes;
  if (file.size > most) return warn(`The file has ${(file.size / 1e6).toFixed(0)} MB; at most ${(most / 1e6).toFixed(0)} MB are taken.`);
  const signal = stopper();
  return guarded(async () => {
    show(name, null, file);
    try {
      progress(`Sending ${name}`, 0);
      const record = await upload(file, name, (share) => progress(`Sending ${name}: ${percent(share)}`, share), signal);
      await watch({ id: record.id, name }, { file, signal });
    } finally {
      $("progress").hidden = true;
    }
  });
}

function show(name, id, file) {
  Object.assign(state, { clip: id, name, timeline: null, answers: [], sound: null });
  $("clip").hidden = false;
  $("clip-name").textContent = name;
  $("picture").value = $("sound").value = "own";
  $("answers").replaceChildren();
  $("lanes").replaceChildren();
  $("said").replaceChildren();
  $("timeline-notes").textContent = "";
  $("thinking").textContent = "";
  player.open(() => state.clip, file);
  player.tracks("own", "own");
  suggestions();
}

async function watch(clip, { file = null, signal = stopper(), at = 0, question = "" } = {}) {
  return guarded(async () => {
    if (!file) show(clip.name, clip.id, null);
    state.clip = clip.id;
    try {
      progress(`Watching ${clip.name}`);
      const told = job("/watch", { clip: clip.id, model: $("model").value }, watching, signal);
      told.catch(() => {}); // whatever goes wrong is told below, once
      const facts = await json(`/files/${clip.id}/facts`, { signal });
      player.facts(facts);
      if (at) player.seek(at);
      restore();
      remember(at, question);
      timeline((await told).timeline, facts.notes);
    } finally {
      $("progress").hidden = true;
    }
    if (question) { $("question").value = question; await ask(question); }
  });
}

function watching(told) {
  if (told.position) return progress(`Waiting: place ${told.position} in the queue`);
  const part = told.progress;
  if (!part) return progress(`Watching ${state.name}`);
  player.done(part.seconds);
  if (part.wave) player.grow(part.wave, part.of);
  return progress(`Watching ${state.name}: ${seconds(part.seconds)}${part.of ? ` of ${seconds(part.of)}` : ""}`,
    part.of ? part.seconds / part.of : undefined);
}

// ---- the timeline -------------------------------------------------------------------------------------------------

function timeline(told, notes) {
  state.timeline = told;
  const lanes = new Map();
  const add = (label, stream, start, end, score) => {
    const key = `${stream}: ${words(label)}`;
    if (!lanes.has(key)) lanes.set(key, []);
    lanes.get(key).push({ label: words(label), stream, start, end, score });
  };
  for (const e of told.events) add(e.label, e.stream, e.start, e.end, e.score);
  for (const name of ["black", "silence"]) for (const [a, b] of told[name]) add(name, "fact", a, b);
  for (const at of told.cuts) add("cut", "fact", at, at);
  $("lanes").replaceChildren(...[...lanes].slice(0, 24).map(([name, events]) => lane(name, events, told.duration)));
  if (!lanes.size) $("lanes").append(make("p", { class: "notes" }, "No events are named."));
  $("said").replaceChildren(...told.sentences.map((s) => make("li", {},
    make("button", { type: "button", onclick: () => player.seek(s.start, true) }, `${seconds(s.start)} “${s.text}”`))));
  $("timeline-notes").textContent = [...new Set([...(notes || []), ...told.notes])].join(" · ");
}

function lane(name, events, length) {
  const line = make("div", {});
  for (const e of events) {
    const sure = e.score === undefined ? "" : `, ${percent(e.score)}`;
    const text = `${e.label}, ${e.stream === "fact" ? "" : `${e.stream}, `}${seconds(e.start)} to ${seconds(e.end)}${sure}`;
    const button = make("button", { type: "button", class: e.stream, title: text, "aria-label": text, onclick: () => player.seek(e.start, true) });
    button.style.left = `min(${100 * e.start / length}%, 100% - 24px)`;
    button.style.width = `${100 * (e.end - e.start) / length}%`;
    line.append(button);
  }
  return make("div", { class: "lane" }, make("span", { title: name }, name.replace(/^fact: /, "")), line);
}

async function save() {
  await guarded(async () => {
    const format = $("format").value;
    const response = await call(`/watch?format=${encodeURIComponent(format)}`, { body: { ...tracks(), model: $("model").value } });
    const data = format === "json" ? new Blob([JSON.stringify((await response.json()).timeline, null, 1)]) : await response.blob();
    const named = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") || "");
    const anchor = make("a", { href: URL.createObjectURL(data), download: named?.[1] || "timeline.json" });
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
  });
}

// ---- asking -------------------------------------------------------------------------------------------------------

function suggestions() {
  const example = state.about.examples.find((one) => one.file === state.clip);
  $("suggestions").replaceChildren(...(example?.questions || ($("model").value === "stage" ? STAGED : SUGGESTED)).slice(0, 4).map((q) =>
    make("button", { type: "button", onclick: () => { $("question").value = `${q.replace(/\?$/, "")}?`; ask($("question").value); } },
      `${q.replace(/\?$/, "")}?`)));
}

/** The clip as the server is to watch it: its own tracks, black, silence or another file's sound. */
function tracks() {
  const body = { clip: state.clip };
  if ($("picture").value === "blank") body.video = "blank";
  if ($("sound").value === "blank") body.audio = "blank";
  else if ($("sound").value !== "own" && state.sound) body.audio = state.sound.id;
  return body;
}

function tracksInWords() {
  const parts = [];
  if ($("picture").value === "blank") parts.push("picture off");
  if ($("sound").value === "blank") parts.push("sound off");
  else if ($("sound").value !== "own" && state.sound) parts.push(`sound of ${state.sound.name}`);
  return parts.join(", ");
}

async function ask(question) {
  if (!state.clip) return warn("The clip is still being sent.");
  const number = ++state.asked, signal = stopper(), given = tracksInWords();
  $("thinking").replaceChildren("Listening and looking… ", make("button", { type: "button", onclick: () => state.stop?.abort() }, "Cancel"));
  await guarded(async () => {
    const body = { ...tracks(), question, senses: true, model: $("model").value };
    const told = await json("/ask", { body, signal });
    const before = state.answers.find((one) => one.question === question);
    const answer = { ...told.answers[0], question, given, clip: told.clip, cached: told.cached, at: Date.now() };
    answer.before = before && before.given !== given ? { answer: before.answer, given: before.given } : null;
    state.answers.unshift(answer);
    state.answers.length = Math.min(state.answers.length, KEPT);
    keep();
    list();
    choose(answer);
    remember(player.now(), question);
  });
  if (number === state.asked) $("thinking").textContent = "";
}

function list() {
  $("answers").replaceChildren(...state.answers.map(card));
}

function card(answer) {
  const sure = answer.scores[answer.answer] ?? ranked(answer.scores)[0]?.[1];
  const rest = ranked(answer.scores, 4).filter(([name]) => name !== answer.answer).slice(0, 3);
  const bar = make("div", { class: "bar", "aria-hidden": "true" }, make("i"));
  bar.firstChild.style.width = percent(sure ?? 0).replace(" ", "");
  const moments = answer.evidence.segments.map((s) => make("button", {
    type: "button", class: ["audio", "heard"].includes(s.stream) ? "heard" : "seen",
    onclick: () => { choose(answer); player.seek(s.start, true); },
  }, `▶ ${seconds(s.start)} to ${seconds(s.end)}, ${["audio", "heard"].includes(s.stream) ? "heard" : s.stream === "visual" || s.stream === "seen" ? "seen" : s.stream}`));
  const places = answer.evidence.regions.filter((r) => r.box).map((r) => make("button", {
    type: "button", class: "seen", onclick: () => { choose(answer); player.seek(r.time ?? 0); },
  }, `▣ ${words(r.label)}${r.time === null || r.time === undefined ? "" : ` at ${seconds(r.time)}`}`));
  const opinions = Object.entries(answer.opinions).flatMap(([sense, scores]) => {
    const [best] = ranked(scores, 1);
    if (answer.given.includes({ audio: "sound off", visual: "picture off" }[sense])) return [];
    return best ? [make("dt", {}, SENSES[sense] || sense), make("dd", {}, `${words(best[0])} (${percent(best[1])})`)] : [];
  });
  const changed = answer.before && answer.before.answer !== answer.answer;
  const copied = make("button", { type: "button" }, "Copy as JSON");
  copied.addEventListener("click", () => copy(JSON.stringify(answer, null, 1), copied));
  return make("li", { class: "answer" },
    make("p", {}, answer.question), answer.given ? make("p", { class: "notes" }, `with ${answer.given}`) : null,
    make("p", { class: "said" }, words(answer.answer), sure === undefined ? "" : ` · ${percent(sure)}`),
    sure === undefined ? null : bar,
    answer.before ? make("p", { class: changed ? "changed" : "notes" },
      changed ? `Changed: it was “${words(answer.before.answer)}” with ${answer.before.given || "its own tracks"}.` : "The answer did not change.") : null,
    rest.length ? make("p", { class: "notes" }, `then ${rest.map(([n, p]) => `${words(n)} ${percent(p)}`).join(", ")}`) : null,
    opinions.length ? make("dl", {}, ...opinions) : null,
    answer.notes.length ? make("p", { class: "notes" }, answer.notes.join(" · ")) : null,
    make("div", { class: "row" }, ...moments.slice(0, 8), ...places.slice(0, 8),
      make("button", { type: "button", onclick: () => choose(answer) }, "Show what it rests on"), copied));
}

function choose(answer) {
  const cards = [...$("answers").children];
  cards.forEach((one, i) => one.classList.toggle("chosen", state.answers[i] === answer));
  player.light(answer);
}

async function retrack() {
  const value = $("sound").value;
  if (value === "upload") {
    $("sound-file").value = "";
    $("sound-file").click();
    $("sound").value = state.sound ? state.sound.option : "own";
    return;
  }
  if (value === "own" || value === "blank") state.sound = null;
  else state.sound = { id: value, name: $("sound").selectedOptions[0].textContent.replace(/^of /, ""), option: value };
  await guarded(async () => {
    const facts = state.sound ? await json(`/files/${state.sound.id}/facts`) : null;
    player.tracks($("picture").value, state.sound ? `/files/${state.sound.id}/content` : value, facts?.wave);
  });
  if (state.answers.length) await ask(state.answers[0].question);
}

async function otherSound(file) {
  const signal = stopper();
  await guarded(async () => {
    try {
      progress(`Sending ${file.name}`, 0);
      const record = await upload(file, file.name, (share) => progress(`Sending ${file.name}: ${percent(share)}`, share), signal);
      await json(`/files/${record.id}/facts`, { signal });
      const option = make("option", { value: record.id }, `of ${file.name}`);
      $("sound").insertBefore(option, $("sound").lastElementChild);
      $("sound").value = record.id;
    } finally {
      $("progress").hidden = true;
    }
    await retrack();
  });
}

// ---- history and links --------------------------------------------------------------------------------------------

function keep() {
  try { localStorage.setItem(`lookhear:${state.clip}`, JSON.stringify(state.answers)); } catch { /* a full or closed store: no history */ }
}

function restore() {
  try { state.answers = JSON.parse(localStorage.getItem(`lookhear:${state.clip}`)) || []; } catch { state.answers = []; }
  list();
}

function remember(at, question) {
  const words = new URLSearchParams({ clip: state.clip, name: state.name });
  if (at) words.set("t", at.toFixed(1));
  if (question) words.set("q", question);
  history.replaceState(null, "", `#ask?${words}`);
}

/** Open what the address names: a clip, a second, a question. */
export function link() {
  const words = new URLSearchParams(location.hash.split("?")[1] || "");
  const id = words.get("clip");
  if (id && id !== state.clip) {
    watch({ id, name: words.get("name") || "clip" }, { at: Number(words.get("t")) || 0, question: words.get("q") || "" });
  }
}

// ---- recording ----------------------------------------------------------------------------------------------------

async function record() {
  await guarded(async () => {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("This browser cannot record here: it needs https or localhost.");
    const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true })
      .catch(() => navigator.mediaDevices.getUserMedia({ audio: true }))
      .catch(() => { throw new Error("No camera or microphone may be used."); });
    const kind = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"].find((k) => MediaRecorder.isTypeSupported(k));
    const recorder = new MediaRecorder(stream, kind ? { mimeType: kind } : undefined);
    const pieces = [];
    let wanted = true;
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = () => {
      stream.getTracks().forEach((track) => track.stop());
      $("recorder").hidden = true;
      $("camera").srcObject = null;
      if (wanted) bring(new Blob(pieces, { type: recorder.mimeType }), "recording.webm");
    };
    $("camera").srcObject = stream;
    $("camera").play().catch(() => {});
    $("recorder").hidden = false;
    $("record-stop").onclick = () => recorder.stop();
    $("record-cancel").onclick = () => { wanted = false; recorder.stop(); };
    recorder.start(1000);
    $("record-stop").focus();
  });
}

// ---- wiring -------------------------------------------------------------------------------------------------------

const drop = $("drop");
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) bring(event.dataTransfer.files[0]);
});
$("file").addEventListener("change", () => { if ($("file").files[0]) bring($("file").files[0]); $("file").value = ""; });
$("record").addEventListener("click", record);
$("progress-cancel").addEventListener("click", () => { state.stop?.abort(); $("progress").hidden = true; });
$("question-form").addEventListener("submit", (event) => { event.preventDefault(); ask($("question").value.trim()); });
$("picture").addEventListener("change", retrack);
$("sound").addEventListener("change", retrack);
$("sound-file").addEventListener("change", () => $("sound-file").files[0] && otherSound($("sound-file").files[0]));
$("export").addEventListener("click", save);
$("share").addEventListener("click", () => {
  remember(player.now(), $("question").value.trim());
  copy(location.href, $("share"));
});
$("model").addEventListener("change", () => { world(); suggestions(); });
$("remote").addEventListener("submit", (event) => {
  event.preventDefault();
  const signal = stopper();
  guarded(async () => {
    try {
      progress("The server fetches the file");
      const record = await json("/files/remote", { body: { url: $("url").value }, signal });
      await watch({ id: record.id, name: record.filename });
    } finally {
      $("progress").hidden = true;
    }
  });
});
