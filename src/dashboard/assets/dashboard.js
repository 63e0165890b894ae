"use strict";
// Times of the viewer's zone, a page that stays up to date, and keys. Everything else works without this file.
(() => {
  const pad = (number) => String(number).padStart(2, "0");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const byId = (id) => document.getElementById(id);
  const main = byId("main");

  const clock = (at) => `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (time.hasAttribute("data-age") || Number.isNaN(at.getTime())) continue;
      time.textContent = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${clock(at)}`;
      time.title = `${time.dateTime}, shown in ${zone}`;
    }
  };
  localise(document);

  // The message of an action is shown once.
  const address = new URL(location.href);
  if (document.querySelector(".message") && address.searchParams.has("did")) {
    address.searchParams.delete("did");
    history.replaceState(null, "", address);
  }

  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // A choice that this browser keeps.
  const keep = (box, name, changed) => {
    box.checked = localStorage.getItem(name) !== "off";
    box.addEventListener("change", () => {
      localStorage.setItem(name, box.checked ? "on" : "off");
      changed();
    });
    return box;
  };

  // Live updates. The stream says when something has changed. Where nothing comes through, the page is read now and then.
  const live = () => {
    const SECOND = 1000, AT_MOST_EVERY = 2 * SECOND, POLL = 10 * SECOND, SILENT = 25 * SECOND, OPEN_AGAIN = 30 * SECOND;
    let source = null, opened = 0, heard = Date.now() - SILENT, read = Date.now(), stale = false;
    const failure = make("span", { className: "bad" });
    failure.setAttribute("role", "status");
    const box = keep(make("input", { type: "checkbox" }), "live", () => follow());

    // Never while a viewer reads closely: has marked text, types, or points at what can be pressed.
    const isBusy = () => {
      const active = document.activeElement;
      const types = main.contains(active) && active.matches("input, select, textarea, button");
      return types || !getSelection().isCollapsed || byId("keys").open ||
        main.querySelector(":is(a, button, label, summary):hover");
    };
    const isFollowing = () => box.checked && !document.hidden;

    const reread = () => {
      [stale, read] = [false, Date.now()];
      htmx.ajax("GET", location.href, { target: "#main", select: "#main", swap: "outerMorph" });
    };
    const look = () => {
      const now = Date.now();
      if (now - heard > SILENT && now - read > POLL) stale = true;
      if (source?.readyState === EventSource.CLOSED && now - opened > OPEN_AGAIN) open();
      if (stale && isFollowing() && now - read >= AT_MOST_EVERY && !isBusy()) reread();
    };

    const close = () => {
      source?.close();
      source = null;
    };
    const open = () => {
      close();
      opened = Date.now();
      source = new EventSource(`changes?since=${encodeURIComponent(byId("main").dataset.live ?? "")}`);
      source.addEventListener("same", () => { heard = Date.now(); });
      source.addEventListener("changed", () => {
        [heard, stale] = [Date.now(), true];
        look();
      });
    };
    const follow = () => (isFollowing() ? open() : close());

    byId("live").append(failure, make("label", { className: "check" }, box, "Live"));
    document.addEventListener("visibilitychange", follow);
    addEventListener("pagehide", close);
    addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
    document.addEventListener("htmx:before:swap", (event) => {
      failure.textContent = "";
      for (const task of event.detail.tasks) localise(task.fragment);
    });
    document.addEventListener("htmx:error", () => { failure.textContent = `No reply since ${clock(new Date(read))}`; });
    setInterval(look, SECOND);
    follow();
    return { box, reread };
  };
  const updates = main.hasAttribute("data-live") ? live() : null;

  // Keys. A viewer may switch them off, because some tools send keys for words.
  const dialog = byId("keys");
  const inUse = keep(byId("keys-on"), "keys", () => {});
  const show = make("button", { type: "button", className: "button", id: "keys-show", title: "Show the keys (?)" }, "Keys");
  show.addEventListener("click", () => dialog.showModal());
  byId("keys-close").addEventListener("click", () => dialog.close());
  byId("live").append(show);

  const move = (by) => {
    const lines = [...main.querySelectorAll("tbody a[href]:first-of-type")].filter((line, at, all) =>
      all.findIndex((other) => other.closest("tr") === line.closest("tr")) === at);
    const here = lines.findIndex((line) => line.closest("tr").contains(document.activeElement));
    const next = here < 0 ? (by > 0 ? 0 : lines.length - 1) : Math.min(Math.max(here + by, 0), lines.length - 1);
    lines[next]?.focus();
  };
  const ACTS = {
    "?": () => dialog.showModal(),
    "/": () => main.querySelector("form.filter input:not([type=hidden])")?.focus(),
    j: () => move(1),
    k: () => move(-1),
    r: () => updates?.reread(),
    l: () => updates?.box.click(),
  };
  let goes = 0;
  document.addEventListener("keydown", (event) => {
    const types = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
    if (!inUse.checked || types || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = Date.now() - goes < 1500 && document.querySelector(`nav [data-key="${CSS.escape(event.key)}"]`);
    goes = event.key === "g" ? Date.now() : 0;
    const act = target ? () => target.click() : Object.hasOwn(ACTS, event.key) && ACTS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
