// Puts the page together: what is wanted, and who changes it.

import { Face, Parts } from "./panel.js";
import { Pictures } from "./pictures.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);
const about = await (await fetch("description")).json();
const wanted = { frame: null, overlay: 0, background: "own" };

document.title = `${about.name} · PartNerFace`;
$("name").textContent = about.name;

const changed = (time) => {
  const edits = Object.keys(face.changes).length;
  $("edits").hidden = !edits || wanted.frame === null;
  $("edits").textContent = edits === 1 ? "Undo 1 edit" : `Undo ${edits} edits`;
  $("picture").setAttribute("aria-busy", true);
  pictures.changed(time);
};
const stage = new Stage($("picture"), about.aspect, about.reach, changed);
const face = new Face($("groups"), about.controls, $("linked"), changed);
const parts = new Parts($("part-list"), about.parts, changed);
const pictures = new Pictures(
  about.levels,
  () => ({ ...wanted, changes: face.changes, view: stage.view, muted: [...parts.muted] }),
  ({ bitmap, size, since, sliders }) => {
    stage.draw(bitmap);
    face.show(sliders);
    $("wait").hidden = true;
    requestAnimationFrame(() => setTimeout(() => told(size, since)));
  },
  (line) => {
    $("broken").hidden = line === null;
    $("broken").textContent = line ?? "";
  },
);

// What is on the screen now: its size, and how long after the change the first picture of it came.
function told(size, since) {
  const status = $("status");
  if (since !== null) {
    const answers = Number(status.dataset.answers ?? 0) + 1;
    Object.assign(status.dataset, { answers, first: size, answer: Math.round(performance.now() - since) });
  }
  status.dataset.size = size;
  $("picture").setAttribute("aria-busy", !pictures.settled);
  status.textContent = `${size} px · answered in ${status.dataset.answer} ms`;
}

// Tabs, tools, backgrounds.
for (const tab of document.querySelectorAll("[role=tab]")) {
  tab.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[role=tab]")) {
      other.setAttribute("aria-selected", other === tab);
      $(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
  });
}
$("tab-parts").hidden = !about.parts.length;
$("about").textContent = [about.head && `head ${about.head}`, about.clip && `clip ${about.clip.name}`]
  .filter(Boolean).join(" · ");
$("front").addEventListener("click", (event) => stage.front(event.timeStamp));
$("edits").addEventListener("click", (event) => { face.clear(); changed(event.timeStamp); });
$("neutral").addEventListener("click", (event) => neutral(event.timeStamp));
for (const background of about.backgrounds) {
  const button = document.createElement("button");
  Object.assign(button, { className: `ground ${background}`, title: background === "own" ? "background of the training" : background });
  button.setAttribute("role", "radio");
  button.setAttribute("aria-label", button.title);
  button.setAttribute("aria-checked", background === wanted.background);
  button.addEventListener("click", (event) => {
    wanted.background = background;
    for (const other of $("backgrounds").children) other.setAttribute("aria-checked", other === button);
    changed(event.timeStamp);
  });
  $("backgrounds").append(button);
}
$("overlay").addEventListener("input", (event) => colours(Number($("overlay").value), event.timeStamp));
$("tab-parts").addEventListener("click", (event) => { if (!wanted.overlay) colours(0.6, event.timeStamp); }, { once: true });
$("all-on").addEventListener("click", (event) => parts.mute([], event.timeStamp));
$("all-off").addEventListener("click", (event) => parts.mute(about.parts.keys(), event.timeStamp));

function colours(value, time) {
  wanted.overlay = value;
  $("overlay").value = value;
  $("overlay-value").textContent = `${Math.round(100 * value)} %`;
  changed(time);
}

function neutral(time) {
  pause();
  wanted.frame = null;
  face.clear();
  changed(time);
}

// The clip: frames are shown by the clock; those that a picture takes too long for are left out.
const times = about.clip?.time_s ?? [];
const length = times.length > 1 ? times.at(-1) + times.at(-1) / (times.length - 1) : 1;
let started = null;

function frame(number, time) {
  wanted.frame = number;
  $("scrub").value = number;
  $("time").textContent = `${times[number].toFixed(1)} / ${times.at(-1).toFixed(1)} s`;
  changed(time);
}

function tick() {
  if (started === null) return;
  const clock = ((performance.now() - started) / 1000) % length;
  let number = Math.min(Math.floor((clock / length) * times.length), times.length - 1);
  while (number > 0 && times[number] > clock) number -= 1;
  while (number + 1 < times.length && times[number + 1] <= clock) number += 1;
  if (number !== wanted.frame) frame(number);
  requestAnimationFrame(tick);
}

function play() {
  started = performance.now() - 1000 * times[wanted.frame ?? 0];
  $("play").classList.add("playing");
  $("play").setAttribute("aria-label", "pause");
  tick();
}

function pause() {
  started = null;
  $("play").classList.remove("playing");
  $("play").setAttribute("aria-label", "play");
}

if (times.length) {
  $("player").hidden = false;
  $("scrub").max = times.length - 1;
  $("time").textContent = `0.0 / ${times.at(-1).toFixed(1)} s`;
  $("play").addEventListener("click", () => (started === null ? play() : pause()));
  $("scrub").addEventListener("input", (event) => { pause(); frame(Number($("scrub").value), event.timeStamp); });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const busy = ["INPUT", "BUTTON", "SUMMARY"].includes(document.activeElement?.tagName);
  if (event.key === "n") neutral(event.timeStamp);
  else if (event.key === "0") stage.front(event.timeStamp);
  else if (times.length && !busy && event.key === " ") started === null ? play() : pause();
  else if (times.length && !busy && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    pause();
    const next = (wanted.frame ?? 0) + (event.key === "ArrowRight" ? 1 : -1);
    frame(Math.min(Math.max(next, 0), times.length - 1), event.timeStamp);
  } else return;
  event.preventDefault();
});

changed();
