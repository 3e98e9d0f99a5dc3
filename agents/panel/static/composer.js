// The note below a message's text: what would become of it. It is the gateway's own word, so the two cannot differ.
import { fragment } from "./talk.js";

const PAUSE_MS = 120;

export function watchComposers(root) {
  for (const form of root.querySelectorAll("form[data-composer]")) {
    const note = form.querySelector("[data-note]");
    let timer = 0;
    let asking = null;
    const refresh = async () => {
      asking?.abort(); // a newer question is on its way
      asking = new AbortController();
      try {
        const found = await fragment(form.dataset.composer, {
          method: "POST",
          signal: asking.signal,
          body: new URLSearchParams(new FormData(form)),
        });
        if (found === null) return;
        if (!found.ok) throw new Error();
        note.replaceChildren(...found.body.childNodes);
      } catch (error) {
        if (error.name !== "AbortError") note.textContent = "What it would become is not known right now.";
      }
    };
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(refresh, PAUSE_MS);
    });
    refresh();
  }
}
