// Lists: select all, batch actions in a dialog, selects that submit, and no form that is posted twice.
import { openDialog } from "./dialogs.js";
import { watchUnsaved } from "./unsaved.js";

function refresh(form) {
  const boxes = [...form.querySelectorAll(".row-check")];
  const count = boxes.filter((box) => box.checked).length;
  const all = form.querySelector("[data-check-all]");
  if (all) {
    all.checked = count > 0 && count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  }
  form.querySelector("[data-batch-submit]").disabled = count === 0;
  form.querySelector("[data-batch-count]").textContent = count ? `${count} selected` : "";
}

export function watchBatches() {
  for (const form of document.querySelectorAll("form[data-batch]")) {
    if (!form.querySelector("[data-batch-submit]")) continue;
    form.addEventListener("change", (event) => {
      if (event.target.matches("[data-check-all]")) {
        for (const box of form.querySelectorAll(".row-check")) box.checked = event.target.checked;
      }
      refresh(form);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const menu = event.submitter?.closest("details[data-menu]");
      if (menu) menu.open = false;
      openDialog(`${form.action}?${new URLSearchParams(new FormData(form))}`, menu?.querySelector("summary"));
    });
    addEventListener("pageshow", () => refresh(form)); // the browser may bring back what was checked
    refresh(form);
  }
}

export function watchForms() {
  watchUnsaved();
  document.addEventListener("submit", (event) => {
    if (event.target.method === "post") event.submitter?.setAttribute("aria-busy", "true"); // seen at once
  });
  for (const form of document.querySelectorAll("form[data-auto-submit]")) {
    form.addEventListener("change", () => form.requestSubmit());
  }
  for (const form of document.querySelectorAll("form[data-guard]")) {
    form.addEventListener("submit", (event) => {
      if ("busy" in form.dataset) event.preventDefault();
      form.dataset.busy = "";
    });
    addEventListener("pageshow", () => {
      delete form.dataset.busy;
      form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
    });
  }
}
