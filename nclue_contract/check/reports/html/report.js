// What the report can do with a script: filter by state and words, copy, and open what a link leads to. Without it, everything is there.
"use strict";
{
  const form = document.getElementById("filter");
  const search = document.getElementById("search");
  const status = document.getElementById("status");
  const entries = [...document.querySelectorAll("[data-state]")];
  const groups = [...document.querySelectorAll("[data-group]")];
  const opened = new Set();
  const texts = new Map();
  const MANY = 200; // entries above which nothing is opened by itself

  function textOf(entry) {
    if (!texts.has(entry)) texts.set(entry, entry.textContent.toLowerCase());
    return texts.get(entry);
  }

  // A word that stands for a rule or a group of them also finds the cases of that rule.
  function heading(entry) {
    const group = entry.closest(".rule, .rule-failures");
    return group ? textOf(group.querySelector("h3")) : "";
  }

  function filter() {
    const state = new FormData(form).get("state");
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = Boolean(state || words.length);
    let shown = 0;
    for (const entry of entries) {
      const fits = (!state || entry.dataset.state === state) && words.every((word) => textOf(entry).includes(word) || heading(entry).includes(word));
      entry.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const group of groups) {
      const some = group.querySelector("[data-state]:not([hidden])") !== null;
      group.hidden = active && !some;
      if (group.tagName !== "DETAILS") continue;
      if (active && some && shown <= MANY && !group.open) {
        group.open = true;
        opened.add(group);
      } else if (opened.has(group) && !(active && some && shown <= MANY)) {
        group.open = false;
        opened.delete(group);
      }
    }
    status.textContent = active ? `${shown} of ${entries.length} entries shown` : "";
  }

  // Where there is no clipboard, as on a page without TLS, what is to be copied is at least selected.
  async function copy(block, button) {
    let done = true;
    try {
      await navigator.clipboard.writeText(block.textContent);
    } catch {
      getSelection().selectAllChildren(block);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Selected";
    status.textContent = done ? `Copied ${block.dataset.copy}` : `Selected ${block.dataset.copy}; copy it with the keyboard`;
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }

  function offerCopies() {
    for (const block of document.querySelectorAll("[data-copy]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.setAttribute("aria-label", `Copy ${block.dataset.copy}`);
      button.addEventListener("click", () => copy(block, button));
      const box = document.createElement("div");
      box.className = "copy";
      block.replaceWith(box);
      box.append(block, button);
    }
  }

  function reveal() {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.closest("[hidden]")) {
      form.reset();
      filter();
    }
    const inner = target.matches("details") ? target : target.querySelector(":scope > details");
    for (let part = inner || target; part; part = part.parentElement) {
      if (part.tagName === "DETAILS") part.open = true;
    }
    target.scrollIntoView();
  }

  offerCopies();
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", reveal);
  filter();
  reveal();
}
