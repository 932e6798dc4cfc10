"use strict";

// Plays one win by itself, and takes the steps that a visitor clicks, with the command typed as a person types it.

const composer = document.getElementById("text");
const turn = document.getElementById("turn");
const playingNote = document.getElementById("playing");
const invitation = document.getElementById("invitation");
const ANA_IN_SALES = "/?user=U0ANA&channel=C0SALES";
let stopped = false;

// Type a text into the composer; returns whether it was typed to its end.
async function type(text, pace) {
  if (still()) return true;
  showTab("channel");
  composer.value = "";
  for (const letter of text) {
    if (stopped) break;
    composer.value += letter;
    composer.scrollLeft = composer.scrollWidth;
    await pause(pace);
  }
  if (!stopped) await pause(300);
  composer.value = "";
  return !stopped;
}

async function take(button, pace) {
  stopped = false;
  if (!(await type(button.dataset.types, pace))) return;
  button.setAttribute("aria-busy", "true");
  await post("/step", new URLSearchParams({ step: button.dataset.step }));
  button.removeAttribute("aria-busy");
  if (here.user !== "U0ANA" || here.channel !== "C0SALES" || here.thread) location.assign(ANA_IN_SALES);
}

async function say(text) {
  stopped = false;
  if (!(await type(text, 15))) return;
  const said = post("/say", new URLSearchParams({ text }));
  if (document.getElementById("home")) said.then(() => location.assign(`/?user=${here.user}&channel=direct`));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.id === "skip") stop();
  if (button.dataset.step) stopThen(() => take(button, 15));
  if (button.dataset.says) stopThen(() => say(button.dataset.says));
});

// --- it plays by itself ---------------------------------------------------------------------------------------------

let typedNow = Promise.resolve();

function showPlaying(isPlaying) {
  playingNote.hidden = !isPlaying;
  invitation.hidden = isPlaying;
  turn.textContent = isPlaying ? "Watch" : "Your turn";
  document.body.classList.toggle("playing", isPlaying);
}

function stop() {
  stopped = true;
  showPlaying(false);
}

// End what is being typed, and only then begin something else.
function stopThen(begin) {
  stop();
  typedNow = typedNow.then(begin);
}

async function play() {
  const answer = await fetch("/play", { method: "POST" });
  if ((await answer.text()) !== "play") return;
  showPlaying(true);
  await pause(700);
  if (!stopped) await take(document.querySelector("[data-step='1']"), 55);
  stop();
}

if ("plays" in document.body.dataset && !still()) typedNow = play();
composer.addEventListener("focus", stop);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("playing")) stop();
});
