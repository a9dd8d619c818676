// Lab: sliders for M, epsilon, alpha and beta, with closed forms, draws and the pictures moving.

import { chart, drawn } from "./chart.js";
import { byId, el, get, guarded, table, wide } from "./common.js";

const SLIDERS = {
  M: { value: (place) => 10 ** place, form: (value) => value.toPrecision(3) },
  epsilon: { value: (place) => place, form: (value) => value.toFixed(2) },
  alpha: { value: (place) => (place === 0 ? 0 : 10 ** (place / 25 - 4)), form: (value) => (value === 0 ? "0" : value.toPrecision(2)) },
  beta: { value: (place) => place, form: (value) => value.toFixed(2) },
};
const UNITS = ["u_a", "u_b", "u_c", "u_d"];

let seen = null, at = null, busy = false, again = false;

const round = (value, digits = 3) => {
  const small = value !== 0 && Math.abs(value) < 10 ** -digits;
  return (small ? value.toExponential(1) : value.toFixed(digits)).replaceAll("-", "−");
};

function values() {
  return Object.fromEntries(Object.entries(SLIDERS).map(([name, { value }]) => [name, value(Number(byId(name).value))]));
}

function tell(now) {
  for (const [name, { form }] of Object.entries(SLIDERS)) {
    byId(`${name}-told`).textContent = form(now[name]);
    byId(name).setAttribute("aria-valuetext", form(now[name]));
  }
}

function norm(width) {
  const { one, two } = seen;
  return chart({
    label: `Weight on v a against epsilon, at epsilon ${at.epsilon.toFixed(2)}: one head ${round(one.weight)}, the head of a, of two, ${round(two.weight)}`,
    width, height: 320,
    x: { min: -1.5, max: 3.5, label: "ε" },
    y: { min: 0, max: 1, label: "weight on vₐ" },
    lines: [{ points: one.curve, class: "one" }, { points: two.curve, class: "two" }],
    draws: [{ points: inside(one.draws), class: "one" }, { points: inside(two.draws), class: "two" }],
    rules: [at.epsilon],
    dots: [{ at: [at.epsilon, one.weight], class: "one" }, { at: [at.epsilon, two.weight], class: "two" }],
  });
}

const inside = (points) => points.filter(([epsilon]) => epsilon >= -1.5 && epsilon <= 3.5);

function normTable() {
  const { one, two } = seen;
  const number = (value) => ({ number: value === null ? "" : typeof value === "string" ? value : round(value) });
  const rows = [
    ["weight on vₐ at this ε", one.weight, one.computed, two.weight, two.computed],
    ["its logit, mean over ε", one.logit_mean, null, two.logit_mean, null],
    ["its logit, variance", one.logit_variance, null, two.logit_variance, null],
    ["the head of a fails", one.fails, one.failed, two.fails, two.failed],
    ["total variance of c", one.variance, one.drawn_variance, two.variance, two.drawn_variance],
    ["draws near the goal", null, one.near, null, two.near],
  ].map(([name, ...cells]) => [name, ...cells.map(number)]);
  const noise = at.alpha === 0 ? "" : ` With noise on all keys, M√α = ${round(at.M * Math.sqrt(at.alpha), 2)}, closed forms but those of the logit hold no more.`;
  const head = ["", "one head, closed form", "measured", "two heads, closed form", "measured "];
  byId("norm-table").replaceChildren(wide("Figures", table(`8 keys; 4,000 draws.${noise}`, head, rows, { class: "wide list" })));
}

function errors(width) {
  const { derived, printed } = seen;
  const bound = derived.curves[0].map(([beta]) => [beta, Math.exp(-beta * beta)]);
  return chart({
    label: `Errors against beta, at beta ${at.beta.toFixed(2)}: derived Q ${derived.errors.map((error) => round(error)).join(" and ")}, printed Q ${printed.errors.map((error) => round(error)).join(" and ")}`,
    width, height: 280,
    x: { min: 0.5, max: 5, label: "β" },
    y: { min: 1e-11, max: 3, log: true, label: "relative error" },
    lines: [
      { points: bound, class: "three" },
      { points: derived.curves[0], class: "one" }, { points: derived.curves[1], class: "one dashed" },
      { points: printed.curves[0], class: "two" }, { points: printed.curves[1], class: "two dashed" },
    ],
    rules: [at.beta],
    dots: [derived, printed].flatMap((kind, index) => kind.errors.map((error) => ({ at: [at.beta, Math.max(error, 1e-11)], class: index ? "two" : "one" }))),
  });
}

function heat(value, most) {
  return { class: "heat number", vars: { "--v": Math.min(Math.abs(value) / most, 1) } };
}

/** `u_a` with its index set low. */
function symbol(name) {
  const [letter, index] = name.split("_");
  return [el("i", {}, letter), el("sub", {}, index)];
}

function grid(caption, names, columns, rows, most = 1, digits = 3) {
  return el("table", { class: "grid" }, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, el("td", {}), columns.map((name) => el("th", { scope: "col", class: "number" }, symbol(name))))),
    el("tbody", {}, rows.map((row, index) => el("tr", {}, el("th", { scope: "row" }, symbol(names[index])), row.map((value) => el("td", heat(value, most), round(value, digits)))))));
}

function construction(kind) {
  const { query, attention, outputs, derived, errors: wrong } = seen[kind];
  byId(kind).replaceChildren(wide(`${kind} Q in numbers`,
    grid("Q times β²", UNITS, UNITS, query, 1, 0),
    grid("Attention", ["x_1", "x_2"], ["x_1", "x_2", "x_3"], attention),
    grid("Outputs, computed", ["c_1", "c_2"], UNITS, outputs),
    grid("Outputs, closed form", ["c_1", "c_2"], UNITS, derived)),
  el("p", { class: "told" }, "Error of ", symbol("c_1"), ` ${round(wrong[0])}, of `, symbol("c_2"), ` ${round(wrong[1])}, over the norm of what is wanted.`));
}

function show() {
  drawn(byId("norm"), norm);
  drawn(byId("errors"), errors);
  normTable();
  construction("derived");
  construction("printed");
}

/** One request at a time, and after it one for wherever the sliders are then. */
async function move() {
  tell(values());
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  do {
    again = false;
    const now = values();
    await guarded(async () => {
      seen = await get("/page/lab", now);
      at = now;
      show();
    });
  } while (again);
  busy = false;
}

/** The closed forms, whose markup the browser reads as a document of its own. */
function formulas() {
  const request = new XMLHttpRequest();
  request.open("GET", "/page/lab/formulas");
  const key = sessionStorage.getItem("key");
  if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
  request.responseType = "document";
  request.addEventListener("loadend", () => {
    byId("status").textContent = request.status === 200 ? "" : "The closed forms cannot be had.";
    for (const place of document.querySelectorAll("[data-formula]")) {
      const math = request.response?.getElementById(place.dataset.formula)?.firstElementChild;
      if (math) place.replaceChildren(document.importNode(math, true));
    }
  });
  request.send();
}

for (const name of Object.keys(SLIDERS)) byId(name).addEventListener("input", move);
await move();
formulas();
