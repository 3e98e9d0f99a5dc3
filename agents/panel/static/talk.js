// Requests to the panel, and a short message when one fails.

export const csrfToken = () => document.querySelector("meta[name=csrf-token]").content;

function loggedOut(answer) {
  if (answer.status !== 401) return false;
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  return true;
}

/** Fetch a page or a part of one. Answers null when the panel wants another page shown, which is then on its way. */
export async function fragment(url, options = {}) {
  const answer = await fetch(url, {
    ...options,
    credentials: "same-origin",
    cache: "no-store",
    headers: { "X-Fragment": "1", ...options.headers },
  });
  if (loggedOut(answer)) return null;
  const elsewhere = answer.headers.get("X-Location");
  if (elsewhere || answer.redirected) {
    location.assign(elsewhere || answer.url);
    return null;
  }
  const body = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  return { ok: answer.ok, body };
}

/** POST fields, as a form would, and answer with the JSON that comes back. */
export async function ask(url, content, signal) {
  const answer = await fetch(url, {
    method: "POST",
    credentials: "same-origin",
    cache: "no-store",
    signal,
    headers: { Accept: "application/json", "X-CSRF-Token": csrfToken() },
    body: new URLSearchParams(content),
  });
  if (loggedOut(answer)) return new Promise(() => {}); // the page is about to go
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer.json();
}

/** Say something for a moment, on top of everything. */
export function say(words) {
  const root = document.querySelector("dialog[open]") ?? document.body;
  const toasts = document.createElement("div");
  toasts.className = "toasts";
  toasts.setAttribute("role", "status");
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.textContent = words;
  root.append(toasts);
  toasts.append(toast);
  setTimeout(() => toasts.remove(), 4000);
}

/** Say why a request failed: the panel's own words, or that there were none. */
export function sayWhy(error) {
  say(error instanceof TypeError || !error.message ? "The panel does not answer. Check your connection and try again." : error.message);
}
