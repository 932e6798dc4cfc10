"use strict";

// What moves or depends on the viewer's clock: times in words, a counter that counts, the two tabs of a phone.

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// --- times ----------------------------------------------------------------------------------------------------------

// https://docs.slack.dev/messaging/formatting-message-text#date-formatting
const FORMATS = {
  time: { hour: "numeric", minute: "2-digit" },
  time_secs: { hour: "numeric", minute: "2-digit", second: "2-digit" },
  date: { year: "numeric", month: "long", day: "numeric" },
  date_short: { year: "numeric", month: "short", day: "numeric" },
  date_long: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
};

function inWords(moment, token) {
  const pretty = token.endsWith("_pretty");
  const format = FORMATS[token.replace("_pretty", "")];
  if (!format) return null;
  const day = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  const days = Math.round((day(moment) - day(new Date())) / 86400000);
  const near = { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
  return pretty && near ? near : new Intl.DateTimeFormat("en-US", format).format(moment);
}

// Say every time in the viewer's zone, as Slack does; a format that is not known leaves what the server wrote.
function sayTimes(root) {
  for (const time of root.querySelectorAll("time[data-format]")) {
    const moment = new Date(time.dateTime);
    const words = time.dataset.format.replace(/\{(\w+)\}/g, (whole, token) => inWords(moment, token) ?? whole);
    if (!words.includes("{")) time.textContent = words;
    time.title = moment.toLocaleString("en-US", { dateStyle: "long", timeStyle: "short" });
  }
}

// --- the counter ----------------------------------------------------------------------------------------------------

let counted = null;

function countUp() {
  const counter = document.getElementById("won-today");
  const from = counted ?? Number(counter.dataset.count);
  const to = (counted = Number(counter.dataset.count));
  if (from === to || still()) return;
  const began = performance.now();
  const draw = (now) => {
    const part = Math.min(1, (now - began) / 900);
    counter.textContent = "$" + Math.round(from + (to - from) * (1 - (1 - part) ** 3)).toLocaleString("en-US");
    if (part < 1 && counter.isConnected) requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
  if (to > from) counter.closest(".score").classList.add("rises");
  setTimeout(() => document.getElementById("score").classList.remove("rises"), 1600);
}

// --- the tabs of a phone --------------------------------------------------------------------------------------------

function showTab(name) {
  document.querySelector("main").dataset.shows = name;
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
    if (tab.dataset.tab === name) tab.classList.remove("unread");
  }
}

// Mark the tab that is not shown when something new is in it.
function markTab(name) {
  if (document.querySelector("main").dataset.shows !== name) {
    document.querySelector(`[data-tab=${name}]`).classList.add("unread");
  }
}

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-tab]");
  if (tab) showTab(tab.dataset.tab);
});

// --- the drawer -----------------------------------------------------------------------------------------------------

const drawer = document.getElementById("it");
drawer.open = new URLSearchParams(location.search).has("about") || sessionStorage.getItem("it") === "open";
drawer.addEventListener("toggle", () => sessionStorage.setItem("it", drawer.open ? "open" : ""));
