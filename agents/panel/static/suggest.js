// [data-suggest]: a field whose list of suggestions is asked for as its content changes.

const PAUSE_MS = 150;

export function watchSuggestions(root) {
  for (const field of root.querySelectorAll("input[data-suggest]")) {
    let timer = 0;
    const refresh = async () => {
      const asked = field.value;
      const query = new URLSearchParams({ search: asked });
      const answer = await fetch(`${field.dataset.suggest}?${query}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (!answer.ok || asked !== field.value) return; // the field takes any number without them
      const { numbers } = await answer.json();
      field.list?.replaceChildren(...numbers.map((number) => new Option(number, number)));
    };
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => refresh().catch(() => {}), PAUSE_MS);
    });
  }
}
