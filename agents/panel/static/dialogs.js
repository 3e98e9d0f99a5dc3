// Links with data-dialog open their page in a dialog; forms with data-inline post from inside it.
import { mayLeave } from "./unsaved.js";
import { fragment, sayWhy } from "./talk.js";

function dialogElement() {
  let dialog = document.querySelector("dialog.dialog");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.className = "dialog";
    dialog.setAttribute("aria-labelledby", "panel-title");
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog && mayLeave(dialog)) dialog.close(); // outside of its content
    });
    dialog.addEventListener("cancel", (event) => {
      if (!mayLeave(dialog)) event.preventDefault();
    });
    dialog.addEventListener("close", () => {
      dialog.replaceChildren(); // secrets do not stay behind
      giveBack(dialog);
    });
    document.body.append(dialog);
  }
  return dialog;
}

let opener = null;

/** Give the focus back to what has opened the dialog; a link of a menu is hidden by now, its button is not. */
function giveBack(dialog) {
  const back = opener?.closest("details[data-menu]")?.querySelector("summary") ?? opener;
  if (back?.isConnected && !dialog.open) back.focus();
}

function show(panel, into) {
  panel.classList.remove("card");
  into.replaceChildren(panel);
  const dialog = into.closest("dialog");
  if (dialog && !dialog.open) dialog.showModal();
  into.scrollTop = 0;
  const title = panel.querySelector("#panel-title");
  title?.setAttribute("tabindex", "-1");
  title?.focus(); // what had the focus may have gone with the content before
  into.dispatchEvent(new CustomEvent("panel:arrived", { bubbles: true }));
}

export async function openDialog(url, from) {
  if (!from?.closest("dialog")) opener = from;
  from?.setAttribute("aria-busy", "true");
  try {
    const found = await fragment(url);
    const panel = found?.body.querySelector("[data-panel]");
    if (panel) show(panel, dialogElement());
    else if (found) location.assign(url);
  } catch (error) {
    sayWhy(error);
  } finally {
    from?.removeAttribute("aria-busy");
  }
}

async function post(form, submitter) {
  const body = new URLSearchParams(new FormData(form, submitter));
  submitter?.setAttribute("aria-busy", "true");
  form.dataset.busy = "";
  try {
    const found = await fragment(form.action, { method: "POST", body });
    const panel = found?.body.querySelector("[data-panel]");
    if (panel) show(panel, form.closest("dialog"));
  } catch (error) {
    sayWhy(error);
  } finally {
    delete form.dataset.busy;
    submitter?.removeAttribute("aria-busy");
  }
}

export function watchDialogs() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const closer = event.target.closest("[data-close]");
    const dialog = closer?.closest("dialog");
    if (dialog) {
      event.preventDefault();
      if (closer.matches("a") || mayLeave(dialog)) dialog.close(); // Cancel says it, and Done
      return;
    }
    const link = event.target.closest("a[data-dialog]");
    if (link) {
      event.preventDefault();
      link.closest("details[data-menu]")?.removeAttribute("open");
      openDialog(link.href, link);
    }
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-inline]") || !form.closest("dialog")) return; // on a page of its own it posts as usual
    event.preventDefault();
    if (!("busy" in form.dataset)) post(form, event.submitter);
  });
}
