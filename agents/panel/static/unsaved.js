// What has been entered and not been saved: asked about before it is lost.

const asked = "Leave without saving? What you have entered is lost.";

/** Tell whether somebody has entered something that has not been sent. */
const isUnsaved = (form) => "changed" in form.dataset && !("busy" in form.dataset);

/** Ask before a form in a dialog goes with what has been entered. */
export function mayLeave(root) {
  return ![...root.querySelectorAll("form[data-inline]:not(.options)")].some(isUnsaved) || confirm(asked);
}

export function watchUnsaved() {
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.method === "post" && event.target.name) form.dataset.changed = "";
  });
  for (const form of document.querySelectorAll("form[data-guard]")) {
    // What comes back with a problem has been entered, and not been saved.
    if (form.querySelector("[role=alert]")) form.dataset.changed = "";
    form.querySelector("[data-leave]")?.addEventListener("click", () => delete form.dataset.changed);
  }
  addEventListener("beforeunload", (event) => {
    if ([...document.querySelectorAll("form[data-guard]")].some(isUnsaved)) event.preventDefault();
  });
}
