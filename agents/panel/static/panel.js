// Everything here makes pages that already work more comfortable: without scripts, forms post and links lead to pages.
import { watchBatches, watchForms } from "./lists.js";
import { watchComposers } from "./composer.js";
import { watchDialogs } from "./dialogs.js";
import { watchMenus } from "./menus.js";
import { watchPickers } from "./picker.js";
import { watchPolls } from "./polls.js";
import { watchSecrets } from "./secrets.js";
import { watchChoices } from "./shown.js";
import { watchSuggestions } from "./suggest.js";
import { watchZones } from "./zones.js";

watchMenus();
watchDialogs();
watchSecrets();
watchBatches();
watchForms();

// What has state of its own is set up once per element, also in what a dialog brings later.
function arrived(root) {
  watchChoices(root);
  watchComposers(root);
  watchPickers(root);
  watchPolls(root);
  watchSuggestions(root);
  watchZones(root);
  root.querySelector("[data-focus]")?.focus();
}
document.addEventListener("panel:arrived", (event) => arrived(event.target));
arrived(document);
