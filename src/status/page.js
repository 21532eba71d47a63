// Refreshes the page without flicker, copies commands, names the slot that is pointed at. Nothing here is needed to read.
"use strict";
document.documentElement.classList.add("js");
const main = document.getElementById("main");
const freshness = document.getElementById("freshness");
const seconds = Number(main.dataset.refresh);
const parts = (from) => [...from.children];

/** What was served for each section: what is there may have been opened or selected since. */
let served = parts(main).map((part) => part.outerHTML);

/** Puts a new section in the place of an old one and leaves open what is open, and the focus where it is. */
function swap(old, fresh) {
  for (const opened of old.querySelectorAll("details[open][id]")) {
    const again = fresh.querySelector("#" + CSS.escape(opened.id));
    if (again) again.open = true;
  }
  const focus = old.contains(document.activeElement) ? path(old, document.activeElement) : null;
  const scrolled = [...old.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
  old.replaceWith(fresh);
  [...fresh.querySelectorAll(".scroll")].forEach((box, n) => (box.scrollLeft = scrolled[n] ?? 0));
  if (focus) find(fresh, focus)?.focus({ preventScroll: true });
}

/** Where an element stands below another one. */
function path(top, element) {
  const steps = [];
  for (; element !== top; element = element.parentElement) steps.unshift(parts(element.parentElement).indexOf(element));
  return steps;
}
const find = (top, steps) => steps.reduce((element, step) => element?.children[step], top);

function show(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const fresh = parts(page.getElementById("main"));
  const html = fresh.map((part) => part.outerHTML);
  const same = fresh.length === main.children.length && fresh.every((part, n) => part.id === main.children[n].id);
  const selected = document.getSelection();
  const held = (old) => !selected.isCollapsed && selected.containsNode(old, true);
  if (!same) main.replaceChildren(...fresh);
  parts(main).forEach((old, n) => {
    if (!same || html[n] === served[n]) return;
    // What somebody is about to copy stays; it is renewed once nothing in it is selected.
    if (held(old)) html[n] = served[n];
    else swap(old, fresh[n]);
  });
  served = html;
  document.title = page.title;
  document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
}

function say(text) {
  if (freshness.textContent !== text) freshness.textContent = text;
  freshness.classList.toggle("bad", text !== "");
}

let last = new Date();
async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.pathname, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error("the exporter answers " + answer.status);
    show(await answer.text());
    last = new Date();
    say("");
  } catch (error) {
    say("Not refreshed since " + last.toLocaleTimeString() + ": " + error.message);
  }
}

if (seconds > 0) {
  (async () => {
    for (;;) {
      await new Promise((done) => setTimeout(done, seconds * 1000));
      await refresh();
    }
  })();
  document.addEventListener("visibilitychange", refresh);
}

/** The clipboard is only there over HTTPS and on the own machine; the old way works everywhere. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.body.appendChild(document.createElement("textarea"));
  area.value = text;
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("refused");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const label = button.firstChild;
  try {
    await copy(button.dataset.copy);
    label.data = "Copied";
  } catch {
    label.data = "Select it by hand";
  }
  button.focus();
  setTimeout(() => (label.data = "Copy"), 2000);
});

document.addEventListener("pointerover", (event) => {
  const title = event.target.closest?.(".map path")?.querySelector("title");
  const info = document.getElementById("slot-info");
  if (title && info) info.textContent = title.textContent;
});

/** A link into what is folded away unfolds it. */
function unfold() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let fold = target && target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();
