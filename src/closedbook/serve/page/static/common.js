// What all views share: nodes whose text is only ever text, requests with the service's key, the choice of a model.

const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\p{Cs}]/gu;
const IN_A_HEADER = /^[\x20-\x7e\xa0-\xff]+$/;
const TRIES = 6; // of a request that there is no room for
const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

function spelled(letter) {
  const code = letter.codePointAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
}

/** A text in which what would not be seen, or would turn others round, is spelled, as `closedbook.visible` has it. */
export const visible = (text) => String(text).replace(STEERING, spelled);

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (name === "vars") for (const [key, to] of Object.entries(value)) node.style.setProperty(key, to);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : visible(child));
  }
  return node;
}

/** An element; what is not a node among its children becomes text. */
export const el = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);

/** The same of SVG. */
export const svg = (tag, attributes, ...children) => build(document.createElementNS(SVG, tag), attributes, children);

/** A text of a model or a file, which keeps its own direction to itself. */
export const foreign = (text) => el("bdi", {}, text);

/** A text in parts, `{text, marked}`. */
export const inParts = (parts) => parts.map((part) => (part.marked ? el("mark", {}, part.text) : foreign(part.text)));

/** A table; cells are nodes or texts, a cell `{number}` is set to the right. `head` names the columns. */
export function table(caption, head, rows, attributes = {}) {
  const isNumber = (index) => rows.length > 0 && rows.every((row) => row[index]?.number !== undefined);
  return el("table", attributes,
    caption && el("caption", {}, caption),
    el("thead", {}, el("tr", {}, head.map((name, index) =>
      el(name ? "th" : "td", { scope: name ? "col" : null, class: isNumber(index) && "number" }, name)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, index) => {
      const attrs = cell?.number !== undefined ? { class: "number" } : cell?.bar !== undefined ? { class: "bar" } : {};
      const inside = cell?.number ?? cell?.bar ?? cell;
      return index === 0 ? el("th", { scope: "row", ...attrs }, inside) : el("td", attrs, inside);
    })))));
}

/** A part that scrolls sideways by itself, with the keyboard too. */
export const wide = (label, ...children) => el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, ...children);

/** The same of what may be long as well. */
export function scrolling(label, ...children) {
  const part = wide(label, ...children);
  part.classList.add("tall");
  return part;
}

/** A bar of a share from 0 to 1, and a line at another; what it says stands beside it for all. */
export function track(share, at = null, quiet = false) {
  return el("div", { class: "track", "aria-hidden": "true" },
    el("i", { class: quiet && "quiet", vars: { "--share": share } }),
    at !== null && el("b", { vars: { "--share": at } }));
}

export const percent = (share, digits = 1) => (share === null || share === undefined ? "-" : `${(100 * share).toFixed(digits)} %`);
export const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
export const words = (name) => name.replaceAll("_", " ");

/** What a request was refused with. */
export class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

function askForKey(refused) {
  const dialog = byId("key");
  byId("key-refused").hidden = !refused;
  return new Promise((resolve, reject) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "given") {
        reject(new Refusal(401, "Without its key this service says nothing; reload the page to be asked for it again."));
        return;
      }
      sessionStorage.setItem("key", byId("key-field").value);
      resolve();
    }, { once: true });
    if (!dialog.open) {
      dialog.returnValue = "";
      dialog.showModal();
    }
  });
}

async function send(path, options) {
  for (let tried = 1; ; tried++) {
    const key = sessionStorage.getItem("key");
    const sent = key !== null && IN_A_HEADER.test(key); // another is none that a service can have
    const headers = { ...options.headers, ...(sent ? { Authorization: `Bearer ${key}` } : {}) };
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal(0, "The service cannot be reached; is it still running?");
    }
    if (response.ok) return response.json();
    if (response.status === 401) {
      await askForKey(key !== null);
    } else if (response.status === 429 && tried < TRIES) {
      await pause(Number(response.headers.get("Retry-After")) || 1);
    } else {
      const problem = await response.json().catch(() => ({}));
      throw new Refusal(response.status, problem.detail ?? `The service refuses (${response.status}).`);
    }
  }
}

/** What the service says to a question about itself; `parameters` may have lists. */
export function get(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of Array.isArray(value) ? value : [value]) if (each !== null && each !== undefined) query.append(name, each);
  }
  return send(query.size ? `${path}?${query}` : path, { signal });
}

export const post = (path, body, signal = undefined) =>
  send(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });

/** Shows what went wrong, or with nothing that nothing did. */
export function problem(error = null) {
  const place = byId("problem");
  place.hidden = error === null;
  place.replaceChildren(error === null ? "" : visible(error.message));
  if (error !== null && !(error instanceof Refusal)) console.error(error);
}

/** Runs what may be refused, and shows it if it is; what was aborted is nobody's business any more. */
export async function guarded(act) {
  try {
    problem();
    return await act();
  } catch (error) {
    if (error.name !== "AbortError") problem(error);
    return undefined;
  }
}

/** What there is to be seen, the models in their list; `changed` is told when another is chosen. */
export async function begin(changed = () => {}) {
  const about = await get("/page/about");
  const list = byId("model");
  if (list !== null) {
    list.replaceChildren(...about.models.map((model) => el("option", { value: model.name }, model.name)));
    const named = new URLSearchParams(location.search).get("model");
    const wanted = named ?? sessionStorage.getItem("model");
    const served = about.models.some((model) => model.name === wanted);
    if (served) list.value = wanted;
    if (served && named !== null) sessionStorage.setItem("model", named);
    const other = el("p", { class: "note", role: "status" });
    if (named !== null && !served) other.append(foreign(named), ` is not served here; ${about.models[0].name} is asked instead.`);
    if (other.childNodes.length) byId("problem").after(other);
    list.disabled = about.models.length < 2;
    list.addEventListener("change", () => {
      other.remove();
      sessionStorage.setItem("model", list.value);
      changed();
    });
  }
  return about;
}

export const chosen = (about) => about.models.find((model) => model.name === byId("model").value);

let shown = location.search;
addEventListener("popstate", () => {
  if (location.search !== shown) location.reload(); // and not for a place on the page
});

/** Keeps what is shown in the address, so that it can be passed on; one comes back to every question, here and beside. */
export function remember(parameters) {
  const { question, model } = parameters;
  const before = new URLSearchParams(location.search).get("question");
  const to = `${location.pathname}?${new URLSearchParams(parameters)}`;
  if (question !== undefined && question !== before) history.pushState(null, "", to);
  else history.replaceState(null, "", to);
  shown = location.search;
  if (question === undefined) return;
  for (const link of document.querySelectorAll("nav a")) {
    if (["/", "/inside"].includes(link.pathname)) link.search = new URLSearchParams({ question, model });
  }
}
