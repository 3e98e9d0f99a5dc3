// [data-zones]: offers the browser's own time zone beside UTC.
export function watchZones(root) {
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const list of root.querySelectorAll("[data-zones]")) {
    if (!local || local === "UTC" || [...list.options].some((option) => option.value === local)) continue;
    list.add(new Option(`Local (${local})`, local));
  }
}
