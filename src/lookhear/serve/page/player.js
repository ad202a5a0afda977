// The player: video, strip of pictures, wave, weights of seconds, lit stretches, boxes over the frame, another sound.

import { $, make, seconds } from "./tools.js";

const AHEAD = 0.25; // seconds two players may be apart
const video = $("video"), other = $("other"), time = $("time");
let wave = { per_second: 50, columns: [] };
let own = wave; // of the clip's own sound
let length = 0, regions = [], segments = [], local = "";

export const duration = () => length;
export const now = () => video.currentTime;

/** Show a file of the server, or the local copy of what is being uploaded; what a browser cannot play is converted. */
export function open(id, file) {
  if (local) URL.revokeObjectURL(local);
  local = file ? URL.createObjectURL(file) : "";
  wave = own = { per_second: 50, columns: [] };
  length = 0;
  $("strip").replaceChildren();
  light(null);
  video.onerror = () => { // called again by `facts`, if the file has no id yet
    if (!id()) return;
    video.onerror = null;
    video.src = `/files/${id()}/preview`;
  };
  video.src = local || `/files/${id()}/content`;
}

/** The server's facts about the file: length, wave and small pictures. */
export function facts(told) {
  length = told.duration || video.duration || 1;
  wave = own = told.wave;
  $("strip").replaceChildren(...told.strip.map((one) => make("img", { alt: "", src: `data:image/jpeg;base64,${one.picture}` })));
  if (video.error && video.onerror) video.onerror();
  time.setAttribute("aria-valuemax", length.toFixed(1));
  draw();
  tick();
}

/** Part of the wave, while the clip is being decoded. */
export function grow(columns, of) {
  if (!columns) return;
  if (!length) { wave.columns = []; }
  length = of;
  wave.columns.push(...columns);
  wave.per_second = wave.columns.length / Math.max(0.1, progressSeconds);
  draw();
}
let progressSeconds = 0.1;
export const done = (s) => { progressSeconds = s; };

function draw() {
  const canvas = $("wave");
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  canvas.height = Math.round(84 * ratio);
  const pen = canvas.getContext("2d");
  const middle = canvas.height / 2;
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--heard");
  if (!wave.columns.length || !length) return;
  const wide = canvas.width / (length * wave.per_second);
  wave.columns.forEach(([low, high], i) => {
    const top = middle - high * middle;
    pen.fillRect(i * wide, top, Math.max(1, wide - 0.3), Math.max(1, (high - low) * middle));
  });
}

/** Light up what an answer rests on: stretches, weights of seconds, places; null puts it out. */
export function light(answer) {
  segments = answer?.evidence.segments || [];
  regions = (answer?.evidence.regions || []).filter((r) => r.box);
  $("lit").replaceChildren(...segments.map((s) => {
    const span = make("span", { class: s.stream });
    span.style.left = `${100 * s.start / length}%`;
    span.style.width = `${Math.max(0.4, 100 * (s.end - s.start) / length)}%`;
    return span;
  }));
  $("heat").replaceChildren(...["seen", "heard"].filter((n) => answer?.evidence[n]?.length).map((name) => {
    const weights = answer.evidence[name], most = Math.max(...weights, 1e-9);
    const row = make("div", { class: name });
    row.append(...weights.map((w) => { const cell = make("i"); cell.style.opacity = Math.max(0.06, w / most); return cell; }));
    return row;
  }));
  tick();
}

export function seek(at, play = false) {
  video.currentTime = Math.max(0, Math.min(at, (length || video.duration || 0) - 0.01));
  if (play) video.play().catch(() => {});
  tick();
}

/** Boxes of the present moment; a region without a time is always shown. */
function boxes() {
  const canvas = $("boxes");
  canvas.width = canvas.clientWidth;
  canvas.height = canvas.clientHeight;
  const pen = canvas.getContext("2d");
  if (!video.videoWidth || !$("dark").hidden) return;
  const scale = Math.min(canvas.width / video.videoWidth, canvas.height / video.videoHeight);
  const wide = video.videoWidth * scale, high = video.videoHeight * scale;
  const left = (canvas.width - wide) / 2, top = (canvas.height - high) / 2;
  pen.lineWidth = 3;
  pen.font = "600 14px system-ui, sans-serif";
  for (const region of regions) {
    if (region.time !== null && region.time !== undefined && Math.abs(region.time - video.currentTime) > 0.75) continue;
    const [x0, y0, x1, y1] = region.box;
    const x = left + x0 * wide, y = top + y0 * high;
    pen.strokeStyle = "#ffb000";
    pen.strokeRect(x, y, Math.max(2, (x1 - x0) * wide), Math.max(2, (y1 - y0) * high));
    const text = String(region.label || "").replaceAll("_", " ");
    pen.fillStyle = "#000c";
    pen.fillRect(x, y, pen.measureText(text).width + 10, 20);
    pen.fillStyle = "#fff";
    pen.fillText(text, x + 5, y + 15);
  }
}

function tick() {
  const at = video.currentTime;
  $("cursor").style.left = `${length ? 100 * Math.min(1, at / length) : 0}%`;
  $("clock").textContent = `${seconds(at)} of ${seconds(length || 0)}`;
  time.setAttribute("aria-valuenow", at.toFixed(1));
  time.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${(length || 0).toFixed(1)} seconds`);
  const inside = segments.filter((s) => at >= s.start && at <= Math.max(s.end, s.start + 0.3));
  const screen = document.querySelector(".screen");
  screen.classList.toggle("lit-heard", inside.some((s) => ["audio", "heard"].includes(s.stream)));
  screen.classList.toggle("lit-seen", inside.some((s) => !["audio", "heard"].includes(s.stream)));
  boxes();
  if (other.src && !video.paused && Math.abs(other.currentTime - at) > AHEAD) other.currentTime = at;
}

/** What is shown and heard: "own" or "blank" for the picture; "own", "blank" or another file's address for the sound,
 *  whose wave is `heard`. */
export function tracks(picture, sound, heard = null) {
  $("dark").hidden = picture !== "blank";
  video.classList.toggle("off", picture === "blank");
  video.muted = sound !== "own";
  wave = sound === "own" ? own : heard || { per_second: 1, columns: [] };
  draw();
  if (sound === "own" || sound === "blank") {
    other.pause();
    other.removeAttribute("src");
  } else {
    other.src = sound;
    if (!video.paused) other.play().catch(() => {});
  }
  tick();
}

video.addEventListener("timeupdate", tick);
video.addEventListener("seeked", tick);
video.addEventListener("loadedmetadata", () => { if (!length && Number.isFinite(video.duration)) length = video.duration; tick(); });
video.addEventListener("play", () => { if (other.src) { other.currentTime = video.currentTime; other.play().catch(() => {}); } });
video.addEventListener("pause", () => other.pause());
addEventListener("resize", () => { draw(); tick(); });
addEventListener("themechange", draw);

function pointed(event) {
  const frame = time.getBoundingClientRect();
  seek(length * Math.max(0, Math.min(1, (event.clientX - frame.left) / frame.width)));
}
time.addEventListener("pointerdown", (event) => { time.setPointerCapture(event.pointerId); pointed(event); });
time.addEventListener("pointermove", (event) => { if (event.buttons) pointed(event); });
time.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
  if (step) seek(video.currentTime + step);
  else if (event.key === "Home") seek(0);
  else if (event.key === "End") seek(length);
  else if (event.key === " ") { if (video.paused) video.play().catch(() => {}); else video.pause(); }
  else return;
  event.preventDefault();
});
