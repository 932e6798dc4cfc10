"use strict";

// Sends what a person does to the server, one thing after another; the parts of the page that change come back as events.

const here = document.body.dataset;
const told = document.getElementById("told");
let queue = Promise.resolve();

function post(action, fields) {
  queue = queue.then(() => send(action, fields)).catch(() => tell("The demo isn't responding. Is it still running?"));
  return queue;
}

async function send(action, fields) {
  fields.append("user", here.user);
  fields.append("channel", here.channel);
  const answer = await fetch(action, { method: "POST", body: fields });
  tell(answer.ok ? "" : await answer.text());
}

function tell(words) {
  if (told.textContent !== words) told.textContent = words;
}

// --- what people do -------------------------------------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "get") return;
  event.preventDefault();
  const action = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  event.submitter?.closest("dialog:not(.modal)")?.close();
  event.submitter?.closest("details.menu")?.removeAttribute("open");
  event.submitter?.setAttribute("aria-busy", "true");
  const done = post(action, fields);
  done.then(() => event.submitter?.removeAttribute("aria-busy"));
  if (form.classList.contains("composer")) form.reset();
  if (form.dataset.leads) done.then(() => location.assign(form.dataset.leads));
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button, a");
  if (!button) return;
  const data = button.dataset;
  if (data.opens) document.getElementById(data.opens).showModal();
  if ("closes" in data) button.closest("dialog").close();
  if (data.copies) copy(data.copies, data.copied ?? data.copies);
  if ("press" in data) post("/press", new URLSearchParams(new FormData(button.closest("form"))));
});

document.addEventListener("change", (event) => {
  const control = event.target;
  const data = control.dataset;
  const form = control.form;
  if ("enter" in data) {
    const fields = inModal(control);
    for (const value of entered(control)) fields.append("value", value);
    post("/enter", fields);
  } else if (form && "goes" in form.dataset) {
    form.submit();
  } else if (form && "now" in form.dataset) {
    form.requestSubmit();
  }
});

let typing;
document.addEventListener("input", (event) => {
  const control = event.target;
  if (!("typeAhead" in control.dataset)) return;
  clearTimeout(typing);
  typing = setTimeout(() => {
    const fields = inModal(control);
    fields.append("text", control.value);
    post("/type-ahead", fields);
  }, 250);
});

function inModal(control) {
  const view = control.closest("dialog.modal").dataset.view;
  return new URLSearchParams({ view, block: control.dataset.block, action: control.dataset.action });
}

function entered(control) {
  if (control.type !== "checkbox") return [control.value];
  return [...control.form.elements].filter((each) => each.name === control.name && each.checked).map((each) => each.value);
}

async function copy(text, called) {
  try {
    await navigator.clipboard.writeText(text);
    tell("Copied: " + called);
  } catch {
    tell("Your browser blocked copying. Here it is: " + text);
  }
}

// A menu opens over what is below it. Escape closes it, and so does a click elsewhere.
document.addEventListener("toggle", (event) => {
  if (event.target.matches("details.menu[open]")) event.target.querySelector("form").scrollIntoView({ block: "nearest" });
}, true);
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.menu[open]");
  if (!menu) return;
  menu.removeAttribute("open");
  menu.querySelector("summary").focus();
  event.stopPropagation();
}, true);
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.removeAttribute("open");
  }
});

// Escape closes a modal: tell the server.
document.addEventListener("cancel", (event) => {
  const modal = event.target.closest("dialog.modal");
  if (modal && event.target === modal) post("/close", new URLSearchParams({ view: modal.dataset.view }));
}, true);

// --- what changes ---------------------------------------------------------------------------------------------------

// The elements as the server sent them last, by id. One that is the same stays, with what is open, typed or focused in it.
const sent = new Map();

function remember(element) {
  for (const each of [element, ...element.querySelectorAll("[data-list] > [id]")]) sent.set(each.id, each.outerHTML);
}

function show(part, html) {
  const made = document.createElement("div");
  made.innerHTML = html;
  const held = focused();
  const list = part.querySelector(":scope > [data-list]");
  const next = made.querySelector(":scope > [data-list]");
  if (list && next && list.id === next.id) {
    renew(list, next);
    for (const each of [...part.children]) if (each !== list) each.remove();
    for (const each of [...made.childNodes]) {
      if (each === next) continue;
      const before = each.compareDocumentPosition(next) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (before) list.before(each); else part.append(each);
    }
  } else {
    part.replaceChildren(...made.childNodes);
    remember(part);
  }
  sayTimes(part);
  if (open(part) || !refocus(held)) begin(part);
}

// Make the children of one list those of the other, keeping every element that the server has not changed.
function renew(list, next) {
  let place = list.firstElementChild;
  for (const wanted of [...next.children]) {
    const known = wanted.id && document.getElementById(wanted.id);
    let kept = wanted;
    if (known && "list" in wanted.dataset) {
      renew(known, wanted);
      kept = known;
    } else if (known && sent.get(wanted.id) === wanted.outerHTML) {
      kept = known;
    } else if (known) {
      if (place === known) place = known.nextElementSibling;
      known.remove();
    }
    if (kept === wanted) {
      remember(wanted);
      wanted.classList.add(known ? "changed" : "fresh");
    }
    if (place && place.parentNode !== list) place = null;
    if (kept !== place) list.insertBefore(kept, place);
    place = kept.nextElementSibling;
  }
  while (place) {
    const gone = place;
    place = place.nextElementSibling;
    gone.remove();
  }
}

function focused() {
  const element = document.activeElement;
  if (!element?.id) return null;
  const inside = element.closest("li.message")?.id;
  return { element, id: element.id, inside, value: element.value, from: element.selectionStart, to: element.selectionEnd };
}

// If the focus was in a field that was made anew, put it back, with what was typed. If it was on a button that is gone,
// it goes to the message that had the button. Returns whether there was one.
function refocus(held) {
  const element = held && document.getElementById(held.id);
  const message = held?.inside && document.getElementById(held.inside);
  if (!element && message) {
    message.tabIndex = -1;
    message.focus({ preventScroll: true });
    return true;
  }
  if (!element) return false;
  if (element === held.element) return true;
  element.focus({ preventScroll: true });
  if (held.from !== undefined && held.from !== null) {
    element.value = held.value;
    element.setSelectionRange(held.from, held.to);
  }
  return true;
}

// Show a modal as a modal, not as a part of the page. Returns whether one has just opened that was not there before.
let shownView = "";
function open(part) {
  const modal = part.querySelector("dialog.modal");
  if (modal && !modal.open) modal.showModal();
  const isNew = Boolean(modal) && modal.dataset.view !== shownView;
  if (part.id !== "modal") return isNew;
  if (shownView && !modal) document.getElementById("text").focus({ preventScroll: true });
  shownView = modal?.dataset.view ?? "";
  return isNew;
}

// Move the focus to the first error in a modal, or else to the first field.
function begin(part) {
  part.querySelector("dialog.modal :is([aria-invalid], [data-type-ahead], [data-enter])")?.focus();
}

for (const part of document.querySelectorAll("[data-part]")) {
  remember(part);
  sayTimes(part);
  open(part);
  begin(part);
}
countUp();

const toTheEnd = (id) => {
  const log = document.getElementById(id);
  log.scrollTop = log.scrollHeight;
};
const LOGS = ["messages", "thread"].filter((id) => document.getElementById(id));
LOGS.forEach(toTheEnd);

// A thread is opened and closed by a link: the focus goes on to the pane, and back to where it was opened.
if (here.thread) {
  const pane = document.getElementById("thread-pane");
  document.getElementById("m-" + here.thread)?.scrollIntoView({ block: "nearest" });
  document.getElementById("thread-title").focus();
  pane.addEventListener("keydown", (event) => {
    if (event.key === "Escape") pane.querySelector(".close").click();
  });
} else {
  document.getElementById(location.hash.slice(1))?.focus();
}

const TAB_OF = { messages: "channel", home: "channel", board: "board" };
let isFirst = true;
const news = new EventSource("/news" + location.search);
news.addEventListener("message", (event) => {
  const parts = Object.entries(JSON.parse(event.data));
  const renewAll = () => {
    for (const [id, html] of parts) show(document.getElementById(id), html);
    for (const id of LOGS) if (parts.some(([part]) => part === id)) toTheEnd(id);
    if (parts.some(([id]) => id === "score")) countUp();
    if (!isFirst) for (const [id] of parts) if (id in TAB_OF) markTab(TAB_OF[id]);
    isFirst = false;
  };
  const moves = !isFirst && parts.some(([id]) => id === "board") && document.startViewTransition && !still();
  if (!moves) return renewAll();
  const name = () => {
    for (const card of document.querySelectorAll("[data-moves]")) card.style.viewTransitionName = card.id;
  };
  name();
  document.startViewTransition(() => { renewAll(); name(); });
});
news.addEventListener("error", () => tell("The demo isn't responding. Is it still running?"));
news.addEventListener("open", () => tell(""));
