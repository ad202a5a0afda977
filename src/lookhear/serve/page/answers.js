// The cards of the answers, and what lights up for the one that is chosen.

import { state } from "./clip.js";
import * as player from "./player.js";
import { $, copy, make, percent, ranked, seconds, words } from "./tools.js";

export const SENSES = { audio: "Ear alone", visual: "Eye alone", joint: "Both, joined" };

export function list() {
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

export function choose(answer) {
  const cards = [...$("answers").children];
  cards.forEach((one, i) => one.classList.toggle("chosen", state.answers[i] === answer));
  player.light(answer);
}
