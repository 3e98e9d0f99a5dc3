// Parts of a form that belong to one choice: only those of what is chosen are shown and sent.
function show(select) {
  for (const part of select.form.querySelectorAll(`[data-shown-for="${select.name}"]`)) {
    part.hidden = part.disabled = part.dataset.value !== select.value;
  }
}

export function watchChoices(root) {
  for (const select of root.querySelectorAll("select[data-shows]")) {
    select.addEventListener("change", () => show(select));
    addEventListener("pageshow", () => show(select)); // the browser may bring back what was chosen
    show(select);
  }
}
