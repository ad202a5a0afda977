// Small helpers: make elements from text (never from HTML), write times, copy, say what went wrong.

/** An element with properties and children; strings become text. */
export function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-") || name.startsWith("data-") || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Put children in the place of an element's own; null and undefined are left out. */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

export const $ = (id) => document.getElementById(id);
export const words = (text) => String(text).replaceAll("_", " ");
export const percent = (share) => `${Math.round(100 * share)} %`;

export function seconds(time) {
  const whole = Math.floor(time / 60);
  const rest = time - 60 * whole;
  return whole ? `${whole}:${rest.toFixed(1).padStart(4, "0")}` : `${rest.toFixed(1)} s`;
}

export async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    prompt("Copy this:", text);
  }
  setTimeout(() => { button.textContent = before; }, 1500);
}

export function warn(text) {
  const alert = $("alert");
  alert.textContent = text || "";
  alert.hidden = !text;
}

/** Run `work`; what goes wrong is shown in one line, unless it was stopped on purpose. */
export async function guarded(work) {
  try {
    warn("");
    return await work();
  } catch (error) {
    if (error.name !== "AbortError") warn(error.message);
    return undefined;
  }
}

/** The first few of {answer: probability}. */
export function ranked(scores, count = 3) {
  return Object.entries(scores || {}).sort((a, b) => b[1] - a[1]).slice(0, count);
}
