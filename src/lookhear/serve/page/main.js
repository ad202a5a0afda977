// The page: views, theme, key; everything else is in the view's own file.

import { json, onLogin, call } from "./api.js";
import * as ask from "./ask.js";
import * as results from "./results.js";
import * as review from "./review.js";
import { $, guarded, make, warn } from "./tools.js";

const views = { ask: () => {}, results: results.start, review: review.start };
const THEMES = ["", "light", "dark"];

function theme(next) {
  if (next) document.documentElement.dataset.theme = next;
  else delete document.documentElement.dataset.theme;
  try { localStorage.setItem("lookhear:theme", next); } catch { /* not kept */ }
  dispatchEvent(new Event("themechange"));
}

onLogin(() => new Promise((resolve) => {
  const dialog = $("login"), form = $("login-form");
  dialog.showModal();
  dialog.oncancel = (event) => event.preventDefault();
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      await call("/session", { body: { key: $("key").value } });
      $("key").value = "";
      dialog.close();
      resolve();
    } catch (error) {
      $("login-wrong").textContent = error.message;
    }
  };
}));

function route() {
  const name = location.hash.slice(1).split("?")[0];
  const view = name in views ? name : "ask";
  for (const other of Object.keys(views)) $(`view-${other}`).hidden = other !== view;
  for (const link of document.querySelectorAll("#views a[data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  guarded(() => views[view]());
  if (view === "ask") ask.link();
}

async function begin() {
  try { theme(localStorage.getItem("lookhear:theme") || ""); } catch { theme(""); }
  $("theme").addEventListener("click", () => {
    theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "") + 1) % THEMES.length]);
  });
  let about;
  for (;;) {
    try { about = await json("/about"); break; } catch (error) {
      warn(error.message);
      await new Promise((wake) => setTimeout(wake, 2000));
    }
  }
  warn("");
  $("model").replaceChildren(...about.models.map((m) => make("option", { value: m.id }, m.id)));
  document.querySelector("[data-view=results]").hidden = !about.reports;
  document.querySelector("[data-view=review]").hidden = !about.sheets;
  ask.start(about);
  addEventListener("hashchange", route);
  route();
}

begin();
