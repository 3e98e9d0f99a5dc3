// Secrets are not in the page: the eye fetches one with a POST, a second click takes it out again.
import { ask, say, sayWhy } from "./talk.js";

const HIDDEN = "YOUR_PASSWORD"; // as in pages/trunks/examples.py
const DOTS = "\u2022".repeat(16);

async function reveal(box) {
  const form = box.querySelector("form[data-reveal]");
  const answer = await ask(form.action, {});
  return answer.value;
}

function toggle(box, value) {
  const eye = box.querySelector("[data-eye]");
  const output = box.querySelector("[data-value]");
  const what = eye.title.replace(/^(Show|Hide) /, "");
  fillIn(box.closest("[data-credentials]"), output.hasAttribute("data-shown") ? output.textContent : HIDDEN, value ?? HIDDEN);
  output.textContent = value ?? DOTS;
  output.toggleAttribute("data-shown", value !== null);
  eye.title = `${value === null ? "Show" : "Hide"} ${what}`;
  eye.setAttribute("aria-label", eye.title);
  eye.querySelector("use").setAttribute("href", value === null ? "#i-eye" : "#i-eye-off");
}

/** Put the password into the examples that are shown with it, or take it out. */
function fillIn(window, before, after) {
  for (const example of window?.querySelectorAll("[data-example] code") ?? []) {
    example.textContent = example.textContent.replaceAll(before, after);
  }
}

async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure context there is no clipboard object: the old way, from a field that nobody sees.
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "sr";
    near.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    near.querySelector("[data-copy], [data-copy-secret], [data-copy-example]")?.focus();
  }
}

async function copied(button, text) {
  await copyText(text, button.parentElement);
  const use = button.querySelector("use");
  use.setAttribute("href", "#i-check");
  say("Copied");
  setTimeout(() => use.setAttribute("href", "#i-copy"), 1500);
}

export function watchSecrets() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-reveal]")) return;
    event.preventDefault();
    const box = form.closest("[data-secret]");
    try {
      const shown = box.querySelector("[data-value]").hasAttribute("data-shown");
      toggle(box, shown ? null : await reveal(box));
    } catch (error) {
      sayWhy(error);
    }
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-secret], [data-copy-example]");
    if (!button) return;
    try {
      if ("copyExample" in button.dataset) {
        await copied(button, button.parentElement.querySelector("code").textContent);
        return;
      }
      if ("copy" in button.dataset) {
        await copied(button, button.dataset.copy);
        return;
      }
      const box = button.closest("[data-secret]");
      const output = box.querySelector("[data-value]");
      await copied(button, output.hasAttribute("data-shown") ? output.textContent : await reveal(box));
    } catch (error) {
      sayWhy(error);
    }
  });
}
