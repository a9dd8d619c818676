// Ask: an answer, how sure, why silent, and what speaks for it.

import { begin, byId, chosen, el, foreign, guarded, inParts, percent, post, remember, table, track, words } from "./common.js";

let about;
let running = null;

function said(reply) {
  if (reply.silent === null) return reply.answer || "(nothing)";
  return "I don't know";
}

function whySilent(reply) {
  if (reply.silent === "taught") {
    return el("p", {}, "It was taught to be silent: it says “", el("b", {}, foreign(reply.answer)), `”; ${reply.reason}.`);
  }
  if (reply.silent === "no_answer") return el("p", {}, `Silent: ${reply.reason}.`);
  return [
    el("p", {}, `Silent because of its threshold: ${reply.reason}.`),
    el("details", {}, el("summary", {}, "What it would have said"), el("p", {}, el("b", {}, foreign(reply.answer || "(nothing)")))),
  ];
}

function howSure(reply) {
  if (reply.confidence === null) return el("p", { class: "note" }, "This model does not tell how sure it is.");
  const at = reply.threshold === null ? "" : `; its threshold is ${percent(reply.threshold)}`;
  return el("div", { class: "sure" },
    track(reply.confidence, reply.threshold, reply.silent === "threshold"),
    el("span", {}, `${percent(reply.confidence)} sure${reply.silent === "taught" ? " of that" : ""}`),
    el("span", { class: "note" }, `By ${words(reply.signal)}${at}.`));
}

function otherwise(reply) {
  if (!reply.otherwise) return null;
  const { question, answer, confidence } = reply.otherwise;
  const sure = confidence === null ? "" : `, ${percent(confidence)} sure`;
  return el("p", { class: "note" }, "Put otherwise: ",
    el("button", { type: "button", class: "chip", on: { click: () => ask(question) } }, foreign(question)),
    " ", el("b", { "data-otherwise": true }, foreign(answer)), `${sure}.`);
}

function answer(reply) {
  return el("section", { "aria-labelledby": "answer-title" },
    el("div", { class: reply.silent ? "answer silent" : "answer" },
      el("p", { id: "answer-title", class: "given" }, foreign(reply.question)),
      el("p", { class: "said", "data-said": true }, foreign(said(reply))),
      reply.silent && whySilent(reply),
      otherwise(reply)),
    howSure(reply),
    reply.covered === false && el("p", { class: "problem" }, "The threshold was chosen on questions of another form, so it promises nothing about this one."));
}

function candidates(reply) {
  if (reply.candidates === null) return null;
  if (!reply.candidates.length) return null;
  const rows = reply.candidates.map((one) => [foreign(one.answer || "(nothing)"),
    { bar: one.probability === null ? "" : track(one.probability) }, { number: percent(one.probability) }]);
  return el("section", {}, el("h2", {}, "Candidates"),
    reply.sentences && el("p", { class: "note" }, "Each is a whole response with the probability of all of it; how sure the model is above is of the words that give the answer."),
    table("The most probable complete answers.", ["answer", "", "probability"], rows, { class: "wide" }));
}

function recited(reply) {
  const title = el("h2", {}, "In the book's own words");
  if (reply.recited === null) return el("section", {}, title, el("p", { class: "note" }, `Not asked: ${reply.no_recital}.`));
  const found = reply.recited.parts.some((part) => part.marked);
  const what = reply.recited.in_document ? "the words that stand before the answer in its document" : "the name alone";
  const verdict = found ? "The answer stands in what it goes on with." : "The answer does not stand in what it goes on with.";
  return el("section", {}, title,
    el("blockquote", {}, el("span", { class: "given" }, foreign(reply.recited.after), " … "), inParts(reply.recited.parts)),
    el("p", { class: "note" }, `Given ${what}, it recites the rest. ${verdict}`));
}

function documents(reply) {
  const title = el("h2", {}, "The document");
  if (reply.documents === null) return null;
  if (!reply.documents.length) {
    const why = reply.subject ? ["The corpus has no document about ", el("b", {}, foreign(reply.subject)), "."] : ["The corpus does not show what the question is about."];
    return el("section", {}, title, el("p", { class: "note" }, why));
  }
  const found = reply.documents.some((each) => each.parts.some((part) => part.marked));
  const verdict = reply.silent === "taught" ? "" : found ? "The answer is marked; the model did not see this when it was asked." : "The answer does not stand in it.";
  return el("section", {}, title, reply.documents.map((each) => el("blockquote", {}, inParts(each.parts))),
    el("p", { class: "note" }, `Of the corpus, place ${reply.documents.map((each) => each.line).join(", ")}. ${verdict}`));
}

function withName(reply, name) {
  const subject = reply.subject.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  return reply.question.replace(new RegExp(subject, "iu"), () => name);
}

function nearest(reply) {
  if (!reply.nearest?.length) return null;
  const same = (one, other) => one.toLowerCase().includes(other.toLowerCase());
  const known = same(reply.nearest[0], reply.subject) && same(reply.subject, reply.nearest[0]) && same(reply.question, reply.subject);
  const names = known ? reply.nearest.slice(1) : reply.nearest;
  return el("section", {}, el("h2", {}, "Nearest known names"),
    el("p", { class: "note" }, known ? "The name is one of the corpus's; others are spelled like it." : "The name is none of the corpus's. Was one of these meant?"),
    el("ul", { class: "names" }, names.map((name) => el("li", {}, el("button", {
      type: "button", class: "chip", on: { click: () => ask(withName(reply, name)) },
    }, foreign(name))))));
}

function further(reply) {
  const model = chosen(about);
  if (model.no_inside) return el("p", { class: "note" }, `${model.no_inside}.`);
  const query = new URLSearchParams({ question: reply.question, model: model.name });
  return el("p", {}, el("a", { href: `/inside?${query}` }, "Look inside: where this answer comes from"));
}

async function ask(question) {
  byId("question").value = question;
  if (!question.trim()) return;
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const model = byId("model").value;
  remember({ question, model });
  byId("status").textContent = "Asking …";
  byId("reply").setAttribute("aria-busy", "true");
  const reply = await guarded(() => post("/page/ask", { question, model }, signal));
  if (signal.aborted) return;
  byId("status").textContent = "";
  byId("reply").removeAttribute("aria-busy");
  byId("reply").replaceChildren(...(reply ? show(reply) : []));
}

function show(reply) {
  const left = el("div", {}, candidates(reply), nearest(reply));
  const right = el("div", {}, recited(reply), documents(reply));
  return [answer(reply), further(reply), el("div", { class: "sides" }, left, right)];
}

function offer(questions) {
  byId("examples").hidden = !questions.length;
  byId("examples").replaceChildren("For example:", ...questions.map((question) =>
    el("button", { type: "button", class: "chip", on: { click: () => ask(question) } }, foreign(question))));
}

const ready = guarded(async () => {
  about = await begin(() => ask(byId("question").value));
  offer(about.examples);
});
byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await ready; // who is quicker than the list of models waits for it
  if (about) ask(byId("question").value);
});
await ready;
const question = new URLSearchParams(location.search).get("question");
if (about && running === null && question) await ask(question);
