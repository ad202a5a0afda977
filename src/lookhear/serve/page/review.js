// The view "Review": one text at a time; accept, edit or reject it by keyboard; several reviewers, and how they agree.

import { json } from "./api.js";
import { $, fill, guarded, make } from "./tools.js";

let items = [], place = 0, total = 0, base = 0;

export async function start() {
  $("reviewer").value ||= stored();
  const sheets = (await json("/review")).sheets;
  if (!$("sheet").options.length) $("sheet").replaceChildren(...sheets.map((s) => make("option", { value: s.number }, `${s.name} (${s.items})`)));
  await load(0);
}

function stored() {
  try { return localStorage.getItem("lookhear:reviewer") || ""; } catch { return ""; }
}

async function load(offset, at = 0) {
  await guarded(async () => {
    const wanted = new URLSearchParams({ reviewer: $("reviewer").value.trim(), show: $("show").value, offset });
    const told = await json(`/review/${$("sheet").value}?${wanted}`);
    items = told.list;
    total = told.total;
    base = offset;
    place = at < 0 ? items.length - 1 : at;
    count(told);
    show();
  });
}

function count(told) {
  const { percent: same, alpha, items: shared } = told.agreement;
  const agreement = shared ? `, agreement ${same.toFixed(0)} % of pairs${alpha === null ? "" : `, Krippendorff's alpha ${alpha.toFixed(2)}`} on ${shared} shared items` : "";
  const by = Object.entries(told.reviewers).map(([name, n]) => `${name} ${n}`).join(", ");
  $("review-count").textContent = `${told.items} items; ${by ? `judged by ${by}` : "nobody has judged any"}${agreement}.`;
}

function show() {
  const item = items[place];
  if (!item) return $("item").replaceChildren(make("p", {}, $("show").value === "todo" ? "Nothing is left to judge here." : "No such items."));
  const film = item.playable
    ? make("video", { controls: true, preload: "metadata", playsInline: true, "aria-label": "The clip",
      src: `/review/${$("sheet").value}/media?id=${encodeURIComponent(item.id)}` })
    : make("p", { class: "notes" }, item.clip ? `The recording ${item.clip} is in none of the --media folders.` : "No recording is named.");
  const text = make("textarea", { id: "edited", value: item.own?.edited || item.reply, "aria-label": "The corrected text", hidden: true });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { text.hidden = true; $("item").focus(); event.preventDefault(); }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { judge("edit"); event.preventDefault(); }
  });
  const more = Object.entries(item.more).map(([name, value]) => [make("dt", {}, name), make("dd", {}, typeof value === "string" ? value : JSON.stringify(value))]).flat();
  return fill($("item"),
    make("p", { class: "notes" }, `${base + place + 1} of ${total} · ${item.id}${item.task ? ` · ${item.task}` : ""}`), film,
    item.prompt ? make("h3", {}, "Prompt") : null, item.prompt ? make("blockquote", {}, item.prompt) : null,
    make("h3", {}, "Text"), make("blockquote", {}, item.reply),
    item.label ? make("p", {}, "Reference: ", make("strong", {}, item.label)) : null,
    more.length ? make("dl", {}, ...more) : null, text,
    item.own ? make("p", {}, `You said: ${item.own.verdict}. `, ...item.others.map((o) => `${o.reviewer}: ${o.verdict}. `)) : null,
    make("div", { class: "row" },
      make("button", { type: "button", class: "primary", onclick: () => judge("accept") }, "Accept (a)"),
      make("button", { type: "button", onclick: () => judge("edit") }, "Edit (e)"),
      make("button", { type: "button", onclick: () => judge("reject") }, "Reject (r)"),
      make("button", { type: "button", onclick: () => move(-1) }, "Back (k)"),
      make("button", { type: "button", onclick: () => move(1) }, "Next (j)")));
}

async function judge(verdict) {
  const item = items[place], reviewer = $("reviewer").value.trim();
  if (!item) return;
  if (!reviewer) { $("reviewer").reportValidity(); $("reviewer").focus(); return; }
  const text = $("edited");
  if (verdict === "edit" && text.hidden) { text.hidden = false; text.focus(); return; }
  await guarded(async () => {
    const body = { reviewer, verdict, edited: verdict === "edit" ? text.value : "" };
    const told = await json(`/review/${$("sheet").value}/item?id=${encodeURIComponent(item.id)}`, { body });
    item.own = told.review;
    count(told);
    await move(1);
  });
}

async function move(step) {
  const next = place + step;
  if (next >= 0 && next < items.length) { place = next; show(); }
  else if (next < 0 && base > 0) await load(Math.max(0, base - 50), -1);
  else if (next >= items.length && base + items.length < total) await load(base + items.length);
  else if (step > 0) { if ($("show").value === "todo") await load(0); else show(); }
  $("item").focus({ preventScroll: true });
}

addEventListener("keydown", (event) => {
  if ($("view-review").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  if (["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName)) return;
  const film = $("item").querySelector("video");
  const act = { a: () => judge("accept"), e: () => judge("edit"), r: () => judge("reject"), j: () => move(1), k: () => move(-1),
    " ": () => film && (film.paused ? film.play().catch(() => {}) : film.pause()) }[event.key];
  if (!act || (event.key === " " && event.target.tagName === "BUTTON")) return;
  event.preventDefault();
  act();
});
$("review-form").addEventListener("submit", (event) => event.preventDefault());
$("review-form").addEventListener("change", () => {
  try { localStorage.setItem("lookhear:reviewer", $("reviewer").value.trim()); } catch { /* not kept */ }
  load(0);
});
