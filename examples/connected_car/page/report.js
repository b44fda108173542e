// Pointing at a trip anywhere (map, profile, table) shows it everywhere.
document.addEventListener("pointerover", (event) => {
  const trip = event.target.closest("[data-trip]");
  document.body.classList.toggle("focus", trip !== null);
  for (const one of document.querySelectorAll(".trip.on")) one.classList.remove("on");
  if (trip === null) return;
  for (const one of document.querySelectorAll(`[data-trip="${trip.dataset.trip}"]`)) one.classList.add("on");
});
document.documentElement.addEventListener("pointerleave", () => document.body.classList.remove("focus"));
