// The view "Results": saved evaluations, filtered; a case with its clip, its evidence and what other models say.

import { SENSES } from "./answers.js";
import { json } from "./api.js";
import { $, copy, fill, guarded, make, percent, ranked, seconds, words } from "./tools.js";

let reports = [], offset = 0, chosen = null;
const option = (value, text = value) => make("option", { value }, text);

export async function start() {
  if (reports.length) return;
  reports = (await json("/results")).reports;
  $("report").replaceChildren(...reports.map((one) => option(one.number, `${one.name} (${one.questions})`)));
  $("disagree").replaceChildren(option("", "–"), ...reports.map((one) => option(one.number, one.name)));
  pick();
}

function pick() {
  const one = reports[$("report").value];
  $("kind").replaceChildren(option("", "all"), ...one.kinds.map((k) => option(k)));
  $("part").replaceChildren(option("", "all"), ...one.parts.map((p) => option(p)));
  const overall = one.scores.overall;
  $("scores").textContent = overall
    ? `${overall.accuracy.toFixed(2)} % right, 95 % interval ${overall.interval.map((e) => e.toFixed(2)).join(" to ")}, ${overall.total} questions`
    : Object.entries(one.scores.metrics || {}).map(([kind, m]) => `${kind}: ${Object.keys(m).join(", ")}`).join(" · ");
  load(true);
}

async function load(anew) {
  await guarded(async () => {
    offset = anew ? 0 : offset;
    const wanted = new URLSearchParams({ offset });
    for (const [id, name] of [["kind", "kind"], ["right", "right"], ["part", "part"], ["least", "least"], ["most", "most"], ["words", "text"], ["disagree", "disagree"]]) {
      if ($(id).value !== "") wanted.set(name, $(id).value);
    }
    const told = await json(`/results/${$("report").value}?${wanted}`);
    $("count").textContent = `${told.total} of ${told.of} cases`;
    const rows = told.cases.map(row);
    if (anew) $("cases").replaceChildren(...rows);
    else $("cases").append(...rows);
    offset += told.cases.length;
    $("more").hidden = offset >= told.total;
  });
}

function mark(right) {
  if (right === null || right === undefined) return "";
  return make("span", { class: right ? "right-mark" : "wrong-mark" }, right ? "right" : "wrong");
}

function row(one) {
  const sure = one.confidence === null ? "" : ` · ${percent(one.confidence)}`;
  const button = make("button", { type: "button", "aria-pressed": "false" },
    one.question || one.id, make("small", {}, `${one.kind.join(" / ")}${one.part ? ` · ${one.part}` : ""}`),
    make("small", {}, mark(one.right), ` said “${words(one.answer)}”${sure}`, one.reference ? `, truth “${words(one.reference)}”` : "",
      ...one.others.filter((o) => o.answer !== one.answer).map((o) => ` · ${o.model}: “${words(o.answer)}”`)));
  button.addEventListener("click", () => {
    chosen?.setAttribute("aria-pressed", "false");
    chosen = button;
    button.setAttribute("aria-pressed", "true");
    open(one.id);
  });
  return make("li", {}, button);
}

async function open(id) {
  await guarded(async () => {
    const number = $("report").value, query = `id=${encodeURIComponent(id)}`;
    const told = await json(`/results/${number}/case?${query}`);
    const copied = make("button", { type: "button" }, "Copy case as JSON");
    copied.addEventListener("click", () => copy(JSON.stringify(told, null, 1), copied));
    const media = `/results/${number}/media?${query}`;
    const film = told.playable.video
      ? make("video", { controls: true, preload: "metadata", src: media, playsInline: true, "aria-label": "The clip" })
      : make("p", { class: "notes" }, "The recording is in none of the --media folders.");
    const swapped = told.audio && told.audio !== told.video && told.playable.audio
      ? make("p", {}, "Its sound: ", make("audio", { controls: true, src: `${media}&track=audio` })) : null;
    const moments = [...(told.segments || []).map((s) => [...s, "found"]), ...(told.true_segments || []).map((s) => [...s, "true"])];
    fill($("case"),
      make("h3", {}, told.question || told.id), film, swapped,
      make("dl", {}, make("dt", {}, "said"), make("dd", {}, words(told.answer), " ", mark(told.right)),
        make("dt", {}, "truth"), make("dd", {}, words(told.reference ?? "–")),
        ...ranked(told.scores, 4).flatMap(([n, p]) => [make("dt", {}, percent(p)), make("dd", {}, words(n))]),
        ...told.others.flatMap((o) => [make("dt", {}, o.model), make("dd", {}, words(o.answer), " ", mark(o.right))]),
        ...Object.entries(told.evidence?.opinions || {}).flatMap(([sense, scores]) =>
          [make("dt", {}, SENSES[sense] ?? sense), make("dd", {}, words(ranked(scores, 1)[0]?.[0] ?? "–"))])),
      make("div", { class: "row" }, ...moments.map(([label, from, to, stream, whose]) => make("button", {
        type: "button", class: ["audio", "heard"].includes(stream) ? "heard" : "seen",
        onclick: () => { if (film.tagName === "VIDEO") { film.currentTime = from; film.play().catch(() => {}); } },
      }, `${whose}: ${words(label)}, ${seconds(from)} to ${seconds(to)}`))),
      heat(told.evidence), make("p", { class: "notes" }, [...(told.notes || []), told.raw && told.raw !== told.answer ? `raw: ${told.raw}` : ""].filter(Boolean).join(" · ")),
      make("div", { class: "row" }, copied));
    $("case").focus({ preventScroll: matchMedia("(min-width: 801px)").matches });
  });
}

function heat(evidence) {
  const rows = ["seen", "heard"].filter((n) => evidence?.[n]?.length).map((name) => {
    const most = Math.max(...evidence[name], 1e-9);
    const line = make("div", { class: name, title: `${name}: weight of each second` });
    line.append(...evidence[name].map((w) => { const cell = make("i"); cell.style.opacity = Math.max(0.06, w / most); return cell; }));
    return line;
  });
  return make("div", { class: "heat" }, ...rows);
}

let waiting = 0;
$("filter").addEventListener("input", (event) => {
  clearTimeout(waiting);
  waiting = setTimeout(() => (event.target.id === "report" ? pick() : load(true)), event.target.type === "search" ? 250 : 0);
});
$("filter").addEventListener("submit", (event) => event.preventDefault());
$("more").addEventListener("click", () => load(false));
