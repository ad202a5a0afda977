// The view "Ask": bring a clip, watch it, ask, see what answers rest on, switch tracks, export, share.

import { choose, list } from "./answers.js";
import { job, json, upload } from "./api.js";
import { keep, progress, remember, state, stopper, tracks, tracksInWords } from "./clip.js";
import * as player from "./player.js";
import { record } from "./record.js";
import { save, timeline } from "./timeline.js";
import { $, copy, guarded, make, percent, seconds, warn } from "./tools.js";

const KEPT = 30; // answers kept of a clip
const SUGGESTED = ["What do you hear?", "What do you see?", "What happens first?", "What is said?"];
const STAGED = ["Where is the first sounding instrument?", "How many instruments are sounding in the video?"]; // what `stage` was taught

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

// ---- asking -------------------------------------------------------------------------------------------------------

function suggestions() {
  const example = state.about.examples.find((one) => one.file === state.clip);
  $("suggestions").replaceChildren(...(example?.questions || ($("model").value === "stage" ? STAGED : SUGGESTED)).slice(0, 4).map((q) =>
    make("button", { type: "button", onclick: () => { $("question").value = `${q.replace(/\?$/, "")}?`; ask($("question").value); } },
      `${q.replace(/\?$/, "")}?`)));
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

function restore() {
  try { state.answers = JSON.parse(localStorage.getItem(`lookhear:${state.clip}`)) || []; } catch { state.answers = []; }
  list();
}

/** Open what the address names: a clip, a second, a question. */
export function link() {
  const words = new URLSearchParams(location.hash.split("?")[1] || "");
  const id = words.get("clip");
  if (id && id !== state.clip) {
    watch({ id, name: words.get("name") || "clip" }, { at: Number(words.get("t")) || 0, question: words.get("q") || "" });
  }
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
$("record").addEventListener("click", () => record(bring));
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
