// Two lists, Available and Allowed Source Addresses. The form's own text area stays what is submitted.
// 100,000 numbers are no problem: the available ones are searched by the panel, and each list draws its first ones.

const DRAWN = 200;
const PAUSE_MS = 150;

const digits = (field) => field.value.replace(/\D/g, "");

/** A list of numbers with a search field: arrows move, Space selects, Enter moves what is selected. */
class List {
  constructor(title, onMove) {
    this.selected = new Set();
    this.shown = [];
    this.active = 0;
    this.anchor = 0;
    this.onMove = onMove;
    const id = `picker-${title.toLowerCase()}`;
    this.side = document.createElement("div");
    this.side.className = "picker-side";
    this.side.innerHTML = `
      <div class="picker-title"><span class="label" id="${id}-title">${title} Source Addresses</span><span class="hint num" data-count></span></div>
      <input class="input" type="search" inputmode="numeric" autocomplete="off" placeholder="Search numbers" aria-label="Search ${title} Source Addresses">
      <div class="picker-list" id="${id}" role="listbox" aria-multiselectable="true" tabindex="0" aria-labelledby="${id}-title"></div>
      <p class="hint" data-more></p>`;
    this.search = this.side.querySelector("input");
    this.box = this.side.querySelector(".picker-list");
    this.id = id;
    this.box.addEventListener("keydown", (event) => this.pressed(event));
    this.box.addEventListener("click", (event) => this.clicked(event));
    this.box.addEventListener("dblclick", (event) => {
      const option = event.target.closest("[role=option]");
      if (!option) return;
      this.selected.add(option.textContent); // the two clicks have toggled it twice
      this.onMove();
    });
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // not the whole form
      if (event.key === "ArrowDown") this.box.focus();
    });
  }

  draw(numbers, total, nothing) {
    this.shown = numbers.slice(0, DRAWN);
    const present = new Set(this.shown);
    for (const number of this.selected) if (!present.has(number)) this.selected.delete(number);
    this.active = Math.min(this.active, Math.max(0, this.shown.length - 1));
    this.box.replaceChildren(
      ...this.shown.map((number, index) => {
        const option = document.createElement("div");
        option.role = "option";
        option.id = `${this.id}-${index}`;
        option.textContent = number;
        return option;
      }),
    );
    // A list box holds options and nothing else, so the words for nothing go below it.
    const more = total > this.shown.length ? `The first ${this.shown.length} are listed; search to see others.` : "";
    this.side.querySelector("[data-more]").textContent = this.shown.length ? more : nothing;
    this.side.querySelector("[data-count]").textContent = total.toLocaleString("en");
    this.mark();
  }

  mark() {
    [...this.box.children].forEach((option, index) => {
      option.setAttribute("aria-selected", this.selected.has(this.shown[index]));
      option.toggleAttribute("data-active", index === this.active);
    });
    const active = this.box.children[this.active];
    if (active) this.box.setAttribute("aria-activedescendant", active.id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  range(to) {
    const [from, end] = [this.anchor, to].sort((a, b) => a - b);
    for (const number of this.shown.slice(from, end + 1)) this.selected.add(number);
  }

  toggle(index) {
    const number = this.shown[index];
    if (number === undefined) return;
    if (!this.selected.delete(number)) this.selected.add(number);
    this.anchor = index;
  }

  clicked(event) {
    const option = event.target.closest("[role=option]");
    if (!option) return;
    this.active = [...this.box.children].indexOf(option);
    if (event.shiftKey) this.range(this.active);
    else this.toggle(this.active);
    this.mark();
  }

  pressed(event) {
    const last = this.shown.length - 1;
    const next = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, Home: 0, End: last, PageDown: this.active + 8, PageUp: this.active - 8 }[event.key];
    if (next !== undefined) {
      this.active = Math.max(0, Math.min(last, next));
      if (event.shiftKey) this.range(this.active);
      else this.anchor = this.active;
    } else if (event.key === " ") this.toggle(this.active);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.shown.forEach((number) => this.selected.add(number));
    else if (event.key === "Enter") {
      if (!this.selected.size) this.toggle(this.active);
      this.onMove();
    } else return;
    event.preventDefault();
    this.mark();
    this.box.children[this.active]?.scrollIntoView({ block: "nearest" });
  }
}

class Picker {
  constructor(root) {
    this.plain = root.querySelector("[data-picker-plain]");
    this.field = this.plain.querySelector("textarea");
    this.source = root.dataset.source;
    this.locked = this.field.matches(":disabled");
    this.allowed = new Set(this.field.value.split(/[\s,;]+/).filter(Boolean));
    this.left = new List("Available", () => this.add([...this.left.selected]));
    this.right = new List("Allowed", () => this.remove([...this.right.selected]));
    const moves = document.createElement("div");
    moves.className = "picker-moves";
    moves.append(
      this.button("Add", "right", () => this.add([...this.left.selected])),
      this.button("Remove", "left", () => this.remove([...this.right.selected])),
      this.button("Add all", "", () => this.addAll()),
      this.button("Remove all", "", () => this.remove(this.matching())),
    );
    this.said = document.createElement("p");
    this.said.className = "sr";
    this.said.setAttribute("role", "status");
    const picker = document.createElement("div");
    picker.className = "picker";
    picker.append(this.left.side, moves, this.right.side);
    root.append(picker, this.said);
    this.plain.querySelector(".field > label").hidden = true;
    this.plain.querySelector(".hint").hidden = true;
    this.field.hidden = true;
    let timer = 0;
    this.left.search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.refresh(), PAUSE_MS);
    });
    this.right.search.addEventListener("input", () => this.drawAllowed());
    this.refresh();
  }

  button(words, icon, action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn plain small-btn";
    button.disabled = this.locked;
    button.textContent = words;
    if (icon) button.insertAdjacentHTML("beforeend", `<svg class="icon" aria-hidden="true"><use href="#i-${icon}"></use></svg>`);
    button.addEventListener("click", action);
    return button;
  }

  async find(limit) {
    const query = new URLSearchParams({ search: digits(this.left.search), limit });
    const answer = await fetch(`${this.source}&${query}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  }

  async refresh() {
    try {
      // As many more as are allowed already: those are not offered again.
      const found = await this.find(DRAWN + this.allowed.size);
      const free = found.numbers.filter((number) => !this.allowed.has(number));
      const wanted = digits(this.left.search);
      const taken = [...this.allowed].filter((number) => number.includes(wanted)).length;
      const nothing = this.left.search.value ? "No number matches." : found.total ? "All numbers are allowed." : "No number has Outbound P2P SMS.";
      this.left.draw(free, found.total - taken, nothing);
    } catch {
      this.left.draw([], 0, "The numbers cannot be listed right now.");
    }
    this.drawAllowed();
  }

  matching() {
    const wanted = digits(this.right.search);
    return [...this.allowed].filter((number) => number.includes(wanted)).sort();
  }

  drawAllowed() {
    const numbers = this.matching();
    this.right.draw(numbers, numbers.length, this.allowed.size ? "No number matches." : "Add at least one number to send from.");
  }

  add(numbers) {
    this.change(numbers, "added", (number) => this.allowed.add(number));
  }

  remove(numbers) {
    this.change(numbers, "removed", (number) => this.allowed.delete(number));
  }

  async addAll() {
    try {
      this.add((await this.find(100_000)).numbers);
    } catch {
      this.said.textContent = "The numbers cannot be listed right now.";
    }
  }

  change(numbers, done, apply) {
    if (this.locked || !numbers.length) return;
    numbers.forEach(apply);
    this.left.selected.clear();
    this.right.selected.clear();
    this.field.value = [...this.allowed].join("\n");
    this.field.dispatchEvent(new Event("input", { bubbles: true })); // it has been entered, as if by hand
    this.said.textContent = `${numbers.length} ${done}`;
    this.refresh();
  }
}

export function watchPickers(root) {
  for (const element of root.querySelectorAll("[data-picker]")) new Picker(element);
}
