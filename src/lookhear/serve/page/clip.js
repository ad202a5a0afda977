// The clip that is shown: what is known of it, which tracks are on, what was answered, and the address that names it.

import { $ } from "./tools.js";

/** What every module of this view shares. */
export const state = { about: null, clip: null, name: "", timeline: null, answers: [], sound: null, stop: null, asked: 0 };

export function progress(text, share) {
  $("progress").hidden = false;
  $("progress-text").textContent = text;
  if (share === undefined) $("progress-bar").removeAttribute("value");
  else $("progress-bar").value = share;
}

export function stopper() {
  state.stop?.abort();
  state.stop = new AbortController();
  return state.stop.signal;
}

/** The clip as the server is to watch it: its own tracks, black, silence or another file's sound. */
export function tracks() {
  const body = { clip: state.clip };
  if ($("picture").value === "blank") body.video = "blank";
  if ($("sound").value === "blank") body.audio = "blank";
  else if ($("sound").value !== "own" && state.sound) body.audio = state.sound.id;
  return body;
}

export function tracksInWords() {
  const parts = [];
  if ($("picture").value === "blank") parts.push("picture off");
  if ($("sound").value === "blank") parts.push("sound off");
  else if ($("sound").value !== "own" && state.sound) parts.push(`sound of ${state.sound.name}`);
  return parts.join(", ");
}

export function keep() {
  try { localStorage.setItem(`lookhear:${state.clip}`, JSON.stringify(state.answers)); } catch { /* a full or closed store: no history */ }
}

export function remember(at, question) {
  const words = new URLSearchParams({ clip: state.clip, name: state.name });
  if (at) words.set("t", at.toFixed(1));
  if (question) words.set("q", question);
  history.replaceState(null, "", `#ask?${words}`);
}
