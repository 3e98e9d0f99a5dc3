// [data-poll]: a part of the page that is fetched again until it says it is final.
import { fragment } from "./talk.js";

const FIRST_MS = 400;
const LONGEST_MS = 3000;

/** Show what has come; what had the focus keeps it where it is there still. */
function renew(box, body) {
  const held = box.contains(document.activeElement) ? document.activeElement.outerHTML : null;
  box.replaceChildren(...body.childNodes);
  if (held) [...box.querySelectorAll("a, button, summary")].find((it) => it.outerHTML === held)?.focus();
}

export function watchPolls(root) {
  for (const box of root.querySelectorAll("[data-poll]")) {
    let wait = FIRST_MS;
    const again = async () => {
      if (!box.isConnected || box.querySelector("[data-final]")) return;
      try {
        const found = await fragment(box.dataset.poll);
        if (found?.ok && found.body.innerHTML.trim() !== box.innerHTML.trim()) renew(box, found.body);
      } catch {
        // The next turn asks again.
      }
      wait = Math.min(wait * 1.2, LONGEST_MS);
      setTimeout(again, wait);
    };
    setTimeout(again, wait);
  }
}
