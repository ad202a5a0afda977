// The timeline under the player: lanes of events, what is said, and its export.

import { call } from "./api.js";
import { state, tracks } from "./clip.js";
import * as player from "./player.js";
import { $, guarded, make, percent, seconds, words } from "./tools.js";

export function timeline(told, notes) {
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

export async function save() {
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
