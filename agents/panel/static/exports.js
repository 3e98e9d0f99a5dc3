// [data-export]: a download that takes a while. How far it is is asked for by a name that its address carries.
const EVERY_MS = 500;

async function follow(name, said) {
  for (;;) {
    await new Promise((later) => setTimeout(later, EVERY_MS));
    let found;
    try {
      const answer = await fetch(`/sms/log/exports/${name}`, { cache: "no-store", headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      found = await answer.json();
    } catch {
      continue; // the next turn asks again
    }
    const rows = `${found.rows.toLocaleString("en")} message${found.rows === 1 ? "" : "s"}`;
    if (said.dataset.exported !== name) return; // another one has been asked for since
    said.textContent = found.broken ? `Stopped after ${rows}` : found.ended ? `${rows} exported` : `${rows} \u2026`;
    if (found.broken || found.ended) return;
  }
}

for (const link of document.querySelectorAll("[data-export]")) {
  link.addEventListener("click", () => {
    const name = crypto.getRandomValues(new Uint32Array(4)).join("-");
    const address = new URL(link.href);
    address.searchParams.set("progress", name);
    link.href = address;
    const said = document.querySelector("[data-exported]");
    said.dataset.exported = name;
    said.textContent = "Exporting \u2026";
    follow(name, said);
  });
}
