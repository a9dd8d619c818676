// Runs: a table, learning curves, two compared; a training that is going on is followed.

import { chart, drawn } from "./chart.js";
import { begin, byId, counted, el, foreign, get, guarded, percent, remember, scrolling } from "./common.js";

const EVERY = 2000; // milliseconds between two looks at a training that goes on
const REST = 15000; // and at a folder in which none does
const KINDS = ["one", "two"];
const FIELDS = { state: "state", recipe: "recipe", stage: "stage", "model.attention": "attention", "training.seed": "seed", recall: "recall", loss: "loss" };

const SETTINGS = ["stage", "model.attention", "training.seed"];

let listing, selected = new URLSearchParams(location.search).getAll("name").slice(0, KINDS.length), curves = null, timer = 0, began = false;

const SHARES = ["recall", "probed"];
const NUMBERS = ["recall", "loss", "training.seed"];

function number(value) {
  if (typeof value !== "number") return value;
  const small = value !== 0 && Math.abs(value) < 0.01;
  return value.toLocaleString("en", small ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 4 });
}

function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  return seconds < 90 ? `${Math.round(seconds)} s` : minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

function state(run) {
  if (run.state !== "running") return run.problem ? el("span", { class: "wrong" }, `${run.state}: `, foreign(run.problem)) : run.state;
  const share = run.steps ? run.step / run.steps : null;
  return el("span", {}, el("b", { class: "right" }, "running"), share === null ? "" : ` ${percent(share, 0)}`, run.left === null ? "" : `, ${duration(run.left)} left`);
}

function cell(run, field) {
  const value = run[field];
  if (field === "state") return el("td", {}, state(run));
  if (value === null || value === undefined) return el("td", { class: NUMBERS.includes(field) && "number" }, "-");
  if (field === "recall") return el("td", { class: "number" }, percent(value));
  return typeof value === "number" ? el("td", { class: "number" }, number(value)) : el("td", {}, foreign(String(value)));
}

function choose(name, wanted) {
  selected = selected.filter((other) => other !== name);
  if (wanted) selected = [...selected.slice(1 - KINDS.length), name];
  remember(selected.map((each) => ["name", each]));
  show();
  guarded(compare);
}

function row(run) {
  const place = selected.indexOf(run.name);
  const box = el("input", { type: "checkbox", id: `run-${run.name}`, checked: place >= 0, "data-run": run.name, disabled: run.state === "damaged",
    on: { change: (event) => choose(run.name, event.target.checked) } });
  return el("tr", { class: place >= 0 && "chosen" }, el("td", {}, box),
    el("th", { scope: "row" }, el("label", { for: `run-${run.name}` }, foreign(run.name))),
    fields().map((field) => cell(run, field)));
}

/** Settings are shown where not all runs have the same. */
function fields() {
  const differs = (field) => new Set(listing.runs.map((run) => run[field] ?? null)).size > 1;
  return Object.keys(FIELDS).filter((field) => !SETTINGS.includes(field) || differs(field));
}

function show() {
  const wanted = byId("filter").value.trim().toLowerCase();
  const runs = listing.runs.filter((run) => Object.values(run).join(" ").toLowerCase().includes(wanted));
  const going = listing.runs.filter((run) => run.state === "running").length;
  byId("status").textContent = `${counted(listing.runs.length, "run")} in ${listing.folder}${going ? `; ${going} going on` : ""}${wanted ? `; ${runs.length} shown` : ""}.`;
  byId("filter-choice").hidden = !listing.runs.length;
  const held = document.activeElement?.dataset?.run, top = byId("runs").firstChild?.scrollTop ?? 0, left = byId("runs").firstChild?.scrollLeft ?? 0;
  const head = el("tr", {}, el("td", {}), el("th", { scope: "col" }, "run"), fields().map((field) => el("th", { scope: "col", class: NUMBERS.includes(field) && "number" }, FIELDS[field])));
  byId("runs").replaceChildren(runs.length ? scrolling("Runs", el("table", { class: "wide list" }, el("thead", {}, head), el("tbody", {}, runs.map(row)))) : el("p", { class: "note" }, "There is none."));
  const first = byId("runs").querySelector(".chosen");
  byId("runs").firstChild.scrollTo(left, began || first === null ? top : first.offsetTop - first.offsetHeight);
  began = true;
  if (held !== undefined) [...document.querySelectorAll("[data-run]")].find((box) => box.dataset.run === held)?.focus({ preventScroll: true });
}

function axis(kind) {
  const steps = curves.flatMap((curve) => [...curve.loss, ...curve.recall].map((point) => point[0]).concat(curve.steps ?? []));
  const values = curves.flatMap((curve) => curve[kind].map((point) => point[1]));
  return { steps: Math.max(1, ...steps), low: Math.min(...values), high: Math.max(...values) };
}

function draw(kind, label, up) {
  const place = byId(kind);
  const has = curves.some((curve) => curve[kind].length);
  place.parentElement.hidden = !has;
  if (!has) return;
  const { steps, low, high } = axis(kind);
  const last = curves.map((curve) => `${curve.name}: ${curve[kind].length ? up.form(curve[kind].at(-1)[1]) : "nothing yet"}`).join("; ");
  drawn(place, (width) => chart({
    label: `${label} against training step, at the end ${last}`, width, height: 260,
    x: { min: 0, max: steps, label: "step" },
    y: { label, ...up.range(low, high), form: up.ticks },
    lines: curves.map((curve, index) => ({ points: curve[kind], class: KINDS[index] })),
  }));
}

function differing(title, rows, names) {
  if (!rows.length) return null;
  const form = (name, value) => (value === null ? "-" : typeof value === "boolean" ? String(value) : SHARES.includes(name) ? percent(value) : number(value));
  return [el("h3", {}, title), scrolling(title, el("table", { class: "wide list" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "field"), names.map((name) => el("th", { scope: "col" }, foreign(name))))),
    el("tbody", {}, rows.map((each) => el("tr", {}, el("th", { scope: "row" }, each.name), each.values.map((value) => el("td", {}, foreign(form(each.name, value)))))))))];
}

async function compare() {
  const asked = selected.join("\n");
  byId("compared").hidden = !selected.length;
  if (!selected.length) return;
  const data = await get("/page/runs/compared", { name: selected });
  if (asked !== selected.join("\n")) return; // others were chosen meanwhile
  curves = data.curves;
  byId("legend").replaceChildren(...curves.map((curve, index) => el("li", { class: KINDS[index] }, foreign(curve.name), curve.state === "finished" ? "" : ` (${curve.state})`)));
  draw("loss", "loss", { form: number, range: (low, high) => ({ min: Math.max(Math.min(low, high / 2), 1e-6), max: Math.max(high, 1e-6) * 1.05, log: true }), ticks: undefined });
  draw("recall", "recall", { form: percent, range: () => ({ min: 0, max: 1 }), ticks: (value) => percent(value, 0) });
  const names = curves.map((curve) => curve.name);
  const none = curves.length < 2 ? el("p", { class: "note" }, "Choose a second run to see what differs.") : null;
  byId("differences").replaceChildren(...[none, differing("Settings that differ", data.settings, names), differing("Figures that differ", data.figures, names)].flat().filter(Boolean));
}

/** Looks again and again: often while a training goes on, seldom otherwise, not at all while nobody sees the page. */
async function follow() {
  clearTimeout(timer);
  if (document.visibilityState === "visible") {
    await guarded(async () => {
      listing = await get("/page/runs");
      const known = new Set(listing.runs.map((run) => run.name));
      selected = selected.filter((name) => known.has(name));
      show();
      if (curves === null || curves.length !== selected.length || curves.some((curve) => curve.state === "running")) await compare();
    });
  }
  timer = setTimeout(follow, listing?.following ? EVERY : REST);
}

byId("filter").addEventListener("input", show);
await guarded(async () => {
  const about = await begin();
  if (about.runs === null) {
    byId("status").textContent = "There are no runs to list: start the service with --runs DIR, a folder of runs.";
    return;
  }
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && follow());
  await follow();
});
