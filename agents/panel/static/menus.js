// <details data-menu>: opens without scripts; this adds what people expect of a menu.

const items = (menu) => [...menu.querySelectorAll(".menu-list a, .menu-list button:not(:disabled)")];

function closeOthers(kept) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu !== kept) menu.open = false;
  }
}

function moved(event, menu) {
  const all = items(menu);
  const at = all.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  menu.open = true;
  items(menu).at(next % all.length)?.focus();
}

export function watchMenus() {
  document.addEventListener("click", (event) => closeOthers(event.target.closest("details[data-menu]")));
  document.addEventListener("focusin", (event) => closeOthers(event.target.closest("details[data-menu]")));
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details[data-menu]");
    if (!menu) return;
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (menu.open || event.target.matches("summary")) {
      moved(event, menu);
    }
  });
}
