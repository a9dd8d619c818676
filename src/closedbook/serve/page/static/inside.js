// Look inside: causal trace, logit lens and attention of one question, as tables that are coloured and can be read.

import { begin, byId, chosen, el, foreign, guarded, percent, post, remember, wide } from "./common.js";

let about, running = null;

const digits = (value) => (value >= 0.995 ? "1" : value < 0.005 ? "" : value.toFixed(2).slice(1));

/** A table of numbers under tokens; `shown` says what stands in a cell, `told` what it is in words. */
function heatmap({ caption, corner, columns, rows, values, most = 1, shown, told, two = false, span = null }) {
  const name = (index) => span !== null && index >= span[0] && index < span[1];
  return wide(caption, el("table", { class: two ? "heatmap two" : "heatmap" }, el("caption", {}, el("span", {}, caption)),
    el("thead", {}, el("tr", {}, el("td", {}, corner), columns.map((token, index) => el("th", { scope: "col", class: name(index) && "named" }, foreign(token))))),
    el("tbody", {}, values.map((row, state) => el("tr", {}, el("th", { scope: "row" }, foreign(rows[state])),
      row.map((value, at) => el("td", { class: value / most > 0.6 ? "heat strong" : "heat", vars: { "--v": Math.max(0, Math.min(value / most, 1)) }, title: told(value, state, at) }, shown(value, state, at))))))));
}

function summary(data) {
  return el("section", { "aria-labelledby": "where" },
    el("div", { class: "answer" }, el("p", { class: "given" }, foreign(data.question)),
      el("p", { class: "said", "data-said": true }, foreign(data.answer || "(nothing)")), el("p", { class: "note" }, `${percent(data.probability)} sure`)),
    el("h2", { id: "where" }, "Where the answer comes from"),
    el("p", { class: "tokens" }, data.tokens.map((token, index) => [el("span", { class: index >= data.span[0] && index < data.span[1] ? "token named" : "token" }, foreign(token)), " "])),
    el("p", { class: "note" }, "The question as the model reads it, the name framed; the answer is written from the mask on. Below, “the answer” is its first token."),
    el("ul", { class: "findings" }, data.findings.map((finding) => el("li", {}, foreign(finding.words), " ", el("span", { class: "note" }, "(", foreign(finding.figures.join("; ")), ")")))));
}

function causal({ tokens, causal: trace, span }) {
  return el("section", {}, el("h2", {}, "Causal trace: which state brings the answer back"),
    el("p", { class: "note" }, `With noise on the name the answer's probability falls from ${trace.clean.toFixed(2)} to ${trace.corrupted.toFixed(2)}. Each cell: the probability with that one state put back.`),
    heatmap({
      caption: "Probability with one state put back", corner: "state", columns: tokens, rows: trace.states, values: trace.restored, most: Math.max(trace.clean, 0.01), span, two: true,
      shown: digits, told: (value, state, at) => `${trace.states[state]} at ${tokens[at]}: ${value.toFixed(2)}`,
    }));
}

function lens({ tokens, lens: seen, span }) {
  return el("section", {}, el("h2", {}, "Logit lens: what it would say after each layer"),
    el("p", { class: "note" }, "Each state, read by the model's own head: the likeliest token, darker where “", foreign(seen.answer), "” is more probable."),
    heatmap({
      caption: "Likeliest token after each state", corner: "state", columns: tokens, rows: seen.states, values: seen.probability, span,
      shown: (value, state, at) => foreign(seen.likeliest[state][at][0]),
      told: (value, state, at) => `${seen.states[state]} at ${tokens[at]}: ${seen.likeliest[state][at][0]} ${seen.likeliest[state][at][1].toFixed(2)}; the answer ${value.toFixed(2)}`,
    }));
}

function attention({ tokens, attention: layers, span }) {
  const last = layers.flatMap((heads, layer) => heads.map((rows, head) => ({ name: `${layer}.${head}`, row: rows.at(-1) })));
  const place = el("div");
  const show = (name) => {
    const [layer, head] = name.split(".").map(Number);
    place.replaceChildren(heatmap({
      caption: `Head ${name}: rows look, columns are looked at`, corner: "token", columns: tokens, rows: tokens, values: layers[layer][head], span,
      shown: digits, told: (value, from, to) => `${tokens[from]} looks at ${tokens[to]}: ${value.toFixed(2)}`,
    }));
  };
  const list = el("select", { id: "head", on: { change: (event) => show(event.target.value) } }, last.map(({ name }) => el("option", { value: name }, name)));
  const onName = ({ row }) => row.slice(...span).reduce((sum, value) => sum + value, 0);
  const most = last.reduce((best, each) => (onName(each) > onName(best) ? each : best));
  list.value = most.name;
  show(most.name);
  return el("section", {}, el("h2", {}, "Attention: where each head looks"),
    heatmap({
      caption: "From the mask, from which the answer is written", corner: "head", columns: tokens, rows: last.map(({ name }) => name), values: last.map(({ row }) => row), span,
      shown: digits, told: (value, head, at) => `head ${last[head].name} looks at ${tokens[at]}: ${value.toFixed(2)}`,
    }),
    el("div", { class: "choices" }, el("div", {}, el("label", { for: "head" }, "The whole pattern of head"), list)), place);
}

async function look(question, subject) {
  const model = chosen(about);
  if (question.trim()) {
    byId("question").value = question;
    remember({ question, model: model.name, ...(subject ? { subject } : {}) });
  }
  if (model.no_inside) {
    byId("status").textContent = `${model.no_inside}.`;
    byId("seen").replaceChildren();
    return;
  }
  if (!question.trim()) return;
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  byId("status").textContent = "Looking …";
  byId("seen").setAttribute("aria-busy", "true");
  const data = await guarded(() => post("/page/inside", { question, model: model.name, ...(subject ? { subject } : {}) }, signal));
  if (signal.aborted) return;
  byId("status").textContent = "";
  byId("seen").removeAttribute("aria-busy");
  byId("seen").replaceChildren(...(data ? [summary(data), causal(data), lens(data), attention(data)] : []));
  for (const part of byId("seen").querySelectorAll(".scroll")) part.scrollLeft = part.scrollWidth; // to the mask
  if (!data) byId("more").open = true;
}

const given = () => look(byId("question").value, byId("subject").value.trim());

const ready = guarded(async () => {
  about = await begin(given);
  byId("examples").hidden = !about.examples.length;
  byId("examples").replaceChildren("For example:", ...about.examples.map((question) =>
    el("button", { type: "button", class: "chip", on: { click: () => look(question, "") } }, foreign(question))));
});
byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await ready; // who is quicker than the list of models waits for it
  if (about) given();
});
await ready;
if (about && running === null) {
  const query = new URLSearchParams(location.search);
  byId("subject").value = query.get("subject") ?? "";
  await look(query.get("question") ?? "", byId("subject").value);
}
