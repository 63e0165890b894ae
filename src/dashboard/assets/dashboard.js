"use strict";
// Times of the viewer's zone, and a page that stays up to date. Everything else works without this file.
(() => {
  const EVERY = 10000;
  const pad = (number) => String(number).padStart(2, "0");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (time.hasAttribute("data-age") || Number.isNaN(at.getTime())) continue;
      const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
      time.textContent = `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
      time.title = `${time.dateTime}, shown in ${zone}`;
    }
  };

  // The message of an action is shown once.
  const forget = () => {
    const address = new URL(location.href);
    if (!address.searchParams.has("did")) return;
    address.searchParams.delete("did");
    history.replaceState(null, "", address);
  };

  const main = document.getElementById("main");
  localise(document);
  if (document.querySelector(".message")) forget();
  if (!main.hasAttribute("data-live")) return;

  const box = document.createElement("input");
  const label = document.createElement("label");
  box.type = "checkbox";
  box.checked = localStorage.getItem("live") !== "off";
  box.addEventListener("change", () => localStorage.setItem("live", box.checked ? "on" : "off"));
  label.className = "check";
  label.append(box, "Live");
  document.getElementById("live").append(label);

  // Never while a viewer reads closely: marks text, types, or points at a button.
  const isBusy = () => {
    const active = document.activeElement;
    const types = main.contains(active) && active !== main && active.matches("input, select, textarea, button");
    return types || !getSelection().isCollapsed || main.querySelector("form :hover, a.button:hover");
  };

  setInterval(() => {
    if (!box.checked || document.hidden || isBusy()) return;
    htmx.ajax("GET", location.href, { target: "#main", select: "#main", swap: "outerMorph" });
  }, EVERY);
  document.addEventListener("htmx:after:swap", () => localise(document));
})();
