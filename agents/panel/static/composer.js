// The note below a message's text. The count is the gateway's own: it is asked, so the two cannot differ.
import { ask } from "./talk.js";

const PAUSE_MS = 120;

function part(strong, words) {
  const span = document.createElement("span");
  const b = document.createElement("b");
  b.textContent = strong;
  span.append(b, words);
  return span;
}

function show(note, found) {
  const parts = [];
  if (found.encoding) {
    parts.push(part(found.encoding, ""), part(found.units_left, " left"));
    parts.push(part(found.segments, found.segments === 1 ? " segment" : " segments"));
  }
  if (found.problem) {
    const problem = document.createElement("span");
    problem.className = "bad";
    problem.textContent = found.problem;
    parts.push(problem);
  }
  note.replaceChildren(...parts);
}

export function watchComposers(root) {
  for (const form of root.querySelectorAll("form[data-composer]")) {
    const text = form.querySelector("textarea[name=text]");
    const note = form.querySelector("[data-note]");
    let timer = 0;
    let asking = null;
    const refresh = async () => {
      asking?.abort();
      asking = new AbortController();
      const asked = text.value;
      try {
        const found = await ask(form.dataset.composer, { text: asked }, asking.signal);
        if (asked !== text.value) return; // a newer question is on its way
        show(note, found);
        note.dataset.characters = asked.length;
      } catch (error) {
        if (error.name !== "AbortError") note.textContent = "The count is not available right now.";
      }
    };
    text.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(refresh, PAUSE_MS);
    });
    refresh();
  }
}
