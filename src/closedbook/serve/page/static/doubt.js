// Doubt: risk against coverage, with a threshold to move.

import { chart, drawn } from "./chart.js";
import { begin, byId, counted, el, foreign, get, guarded, percent, post, remember, scrolling, table, words } from "./common.js";

const LISTED = 50; // answers at the most

let about, seen = null, round = 0;

const source = () => (about.facts && byId("source").value === "model" ? "model" : "audit");

/** How many of the surest answers are given at each step of the slider: one step for each confidence that occurs, and none. */
function steps(rows) {
  const ends = rows.flatMap((row, index) => (index + 1 === rows.length || rows[index + 1].confidence < row.confidence ? [index + 1] : []));
  return [0, ...ends];
}

/** The slider goes from answering always to answering nothing. */
const givenAt = (place) => seen.steps[seen.steps.length - 1 - place];

function counts(given) {
  const answered = seen.rows.slice(0, given);
  const wrong = answered.filter((row) => !row.right).length;
  return { given, wrong, right: given - wrong, below: seen.rows.length - given, silent: seen.silent, untold: seen.untold };
}

function told(now, at) {
  if (!now.given) return "Nothing is answered.";
  const bound = seen.bounds[now.given - 1];
  return `At ${at.toFixed(3)}: ${now.given} of ${seen.total} answered, ${now.wrong} of them wrong (${percent(now.wrong / now.given)}, at most ${percent(bound)} with 95 % confidence).`;
}

function stack(now) {
  const parts = [["right", now.right], ["wrong", now.wrong], ["below", now.below], ["silent", now.silent + now.untold]];
  byId("share").replaceChildren(...parts.map(([name, count]) => el("i", { class: `part-${name}`, vars: { "flex-grow": count } })));
  const names = { right: "answered rightly", wrong: "answered wrongly", below: "below the threshold", silent: now.untold ? "silent anyway, or not told how sure" : "silent anyway" };
  byId("counts").replaceChildren(...parts.map(([name, count]) => el("li", { class: `part-${name}` }, `${names[name]}: ${count}`)));
}

function listed(place, rows, none) {
  const known = rows.some((row) => row.expected !== null);
  const head = ["question", "it answers", ...(known ? ["accepted"] : []), "sure"];
  const cells = rows.slice(0, LISTED).map((row) => [foreign(row.question), foreign(row.answer || "(nothing)"),
    ...(known ? [foreign(row.expected ?? "-")] : []), { number: percent(row.confidence, 2) }]);
  const more = rows.length > LISTED ? `The first ${LISTED} of ${rows.length}, the surest first.` : "";
  place.replaceChildren(rows.length ? scrolling(none[0], table(more, head, cells, { class: "wide list" })) : el("p", { class: "note" }, none[1]));
}

function move() {
  const slider = byId("threshold");
  const given = givenAt(slider.value), now = counts(given);
  const at = given ? seen.rows[given - 1].confidence : 1;
  byId("told").textContent = told(now, at);
  slider.setAttribute("aria-valuetext", byId("told").textContent);
  stack(now);
  seen.now = now;
  byId("curve").redraw?.();
  listed(byId("wrong"), seen.rows.slice(0, given).filter((row) => !row.right), ["Wrong answers", "None of them."]);
  listed(byId("lost"), seen.rows.slice(given).filter((row) => row.right), ["Right answers that are lost", "None is lost."]);
}

function picture(width) {
  const now = seen.now, risk = now.given ? now.wrong / now.given : 0;
  const top = Math.max(0.05, ...seen.curve.map((point) => point[1]), risk);
  const share = (value) => `${Number((100 * value).toFixed(2))} %`;
  return chart({
    label: `Share of wrong answers against the share of questions that are answered. ${byId("told").textContent}`,
    width,
    x: { min: 0, max: 1, label: "coverage: share of questions that are answered", form: share },
    y: { min: 0, max: Math.min(1.1 * top, 1), label: "risk: wrong among these", form: share },
    lines: [{ points: seen.curve, class: "one" }],
    rules: seen.certified === null ? [] : [seen.certified.coverage],
    dots: now.given ? [{ at: [now.given / seen.total, risk], class: "two" }] : [],
  });
}

function caption() {
  const parts = ["The bound is for a threshold that was chosen without looking at these answers."];
  if (seen.auroc !== null) {
    const { value, low, high } = seen.auroc;
    parts.push(`A right answer is surer than a wrong one with probability ${value.toFixed(3)} (AUROC; 95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}).`);
  }
  if (seen.certified !== null) {
    parts.push(`The dotted line is the threshold that an audit certified for ${percent(seen.certified.target, 0)} right answers, ${seen.certified.threshold.toFixed(3)}; it holds now.`);
  }
  if (seen.asked < seen.of) parts.push(`The first ${seen.asked} of ${seen.of}.`);
  byId("caption").textContent = parts.join(" ");
}

function show(data) {
  seen = { ...data, steps: steps(data.rows) };
  byId("signal").replaceChildren(...data.signals.map((name) => el("option", { value: name }, words(name))));
  if (data.signal !== null) byId("signal").value = data.signal;
  byId("signal").disabled = data.signals.length < 2;
  byId("choices").hidden = false;
  byId("doubt").hidden = !data.rows.length;
  if (!data.rows.length) {
    byId("status").textContent = data.signal === null ? "This model does not tell how sure it is, so no threshold can be set." : "It gives no answer at all.";
    return;
  }
  const slider = byId("threshold");
  slider.max = seen.steps.length - 1;
  const certified = data.certified === null ? null : seen.steps.findLastIndex((given) => given && data.rows[given - 1].confidence >= data.certified.threshold);
  slider.value = certified === null ? 0 : slider.max - Math.max(certified, 0);
  seen.now = counts(givenAt(slider.value));
  drawn(byId("curve"), picture);
  caption();
  move();
}

/** Asks what has not been asked yet, some at a time, and shows what there is. */
async function load() {
  const mine = ++round, model = byId("model").value;
  byId("doubt").hidden = true;
  remember({ model, source: source() });
  const current = () => mine === round;
  const signal = byId("signal").value || null;
  if (source() === "model") {
    byId("status").textContent = `Asking: 0 of ${about.facts} …`;
    let state = await post("/page/doubt/ask", { model, first: 0 });
    while (current() && state.asked < state.of) {
      byId("status").textContent = `Asking: ${state.asked} of ${state.of} …`;
      state = await post("/page/doubt/ask", { model, first: state.asked });
    }
  }
  if (!current()) return;
  const data = await get("/page/doubt", { source: source(), model, signal });
  if (!current()) return;
  byId("status").textContent = `${counted(data.total, "answer")} of ${source() === "audit" ? "an audit" : model}.`;
  show(data);
}

byId("threshold").addEventListener("input", move);
for (const name of ["signal", "source"]) byId(name).addEventListener("change", () => {
  if (name === "source") byId("signal").replaceChildren();
  guarded(load);
});
await guarded(async () => {
  about = await begin(() => {
    byId("signal").replaceChildren();
    guarded(load);
  });
  if (!about.facts && !about.answers) {
    byId("status").textContent = "There is nothing to doubt yet: start the service with --facts FILE, questions with accepted answers, or with --answers FILE, the answers.jsonl of an audit.";
    return;
  }
  byId("source-choice").hidden = !(about.facts && about.answers);
  const wanted = new URLSearchParams(location.search).get("source");
  byId("source").value = !about.facts || (about.answers && wanted === "audit") ? "audit" : byId("source").value;
  await load();
});
