// Draws the API reference from the OpenAPI document; reading only, nothing is sent from here.
const box = document.querySelector("[data-reference]");
const dark = matchMedia("(prefers-color-scheme: dark)");

function follow() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}
dark.addEventListener("change", follow);
follow();

/** What the renderer draws for eyes alone gets its words, and each list of operations the place of a heading. */
function mend() {
  for (const svg of box.querySelectorAll("svg:not([aria-hidden])")) svg.setAttribute("aria-hidden", "true");
  for (const sample of box.querySelectorAll("pre:not([tabindex])")) sample.tabIndex = 0; // it may scroll
  for (const button of box.querySelectorAll("button:not([aria-label])")) {
    if (!button.textContent.trim()) button.setAttribute("aria-label", button.title || "Show or hide");
  }
}

window.SwaggerUIBundle({
  domNode: box,
  url: box.dataset.reference,
  supportedSubmitMethods: [],
  validatorUrl: null,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  deepLinking: false,
  syntaxHighlight: false,
  onComplete: () => {
    box.dataset.drawn = "";
    mend();
    new MutationObserver(mend).observe(box, { childList: true, subtree: true });
  },
});
