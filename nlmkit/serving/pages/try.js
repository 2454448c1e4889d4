"use strict";
// All that comes from a model or a user is put into the page as text, never as HTML.

const byId = (id) => document.getElementById(id);

function element(name, options = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (key === "class") made.className = value;
    else if (key === "style") Object.assign(made.style, value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const number = (value, digits = 3) => (value === null || value === undefined ? "∞" : value.toPrecision(digits));
const percent = (value) => `${(100 * value).toFixed(value < 0.001 ? 3 : 1)} %`;

function bars(rows, shown = percent) {
  const largest = Math.max(...rows.map(([, value]) => value), 1e-12);
  const grid = element("div", { class: "bars" });
  for (const [name, value] of rows) {
    const width = `${Math.max(0, (100 * value) / largest)}%`;
    grid.append(
      element("span", {}, String(name)),
      element("span", { class: "bar", style: { width }, "aria-hidden": "true" }),
      element("span", { class: "number" }, shown(value)),
    );
  }
  return grid;
}

function list(facts) {
  const made = element("dl");
  for (const [name, value] of facts) made.append(element("dt", { class: "soft" }, name), element("dd", {}, String(value)));
  return made;
}

function words(entries) {
  const made = element("div", { class: "words" });
  for (const { word, below, heat, title, oov } of entries) {
    const style = { backgroundColor: `rgba(var(--heat), ${(0.75 * heat).toFixed(3)})` };
    made.append(element("span", { class: oov ? "word oov" : "word", style, title }, word, element("small", {}, below)));
  }
  return made;
}

function surprisal({ tokens }) {
  const full = 16; // bits of the strongest color
  const entries = tokens.map((token) => ({
    word: token.token,
    below: number(token.surprisal_bits),
    heat: token.surprisal_bits === null ? 1 : Math.min(1, token.surprisal_bits / full),
    oov: token.oov,
    title: `${number(token.surprisal_bits, 6)} bits` + (token.oov ? ", not in the vocabulary" : "")
      + (token.ngram_length === undefined ? "" : `, n-gram of length ${token.ngram_length}`),
  }));
  const legend = `Bits below each word; full color at ${full} bits. A dashed border: not in the vocabulary.`;
  return element("div", {}, words(entries), element("p", { class: "soft" }, legend));
}

function weights(highlights) {
  const largest = Math.max(...highlights.map(({ weight }) => Math.abs(weight)), 1e-12);
  return words(highlights.map(({ token, weight }) => (
    { word: token, below: number(weight, 2), heat: Math.max(0, weight / largest), title: number(weight, 6) })));
}

function tags({ tokens, tags: own, spans, words: segments, probabilities }) {
  const kinds = [...new Set(own.filter((tag) => tag !== "O"))];
  const entries = tokens.map((token, index) => ({
    word: token,
    below: own[index] + (probabilities ? ` ${percent(probabilities[index])}` : ""),
    heat: own[index] === "O" ? 0 : 0.25 + 0.6 * (kinds.indexOf(own[index]) / Math.max(1, kinds.length)),
    title: own[index],
  }));
  const found = segments ? segments.join(" ") : (spans || []).map((span) => `${span.text} (${span.type})`).join(", ");
  return element("div", {}, words(entries), found ? element("p", {}, found) : null);
}

const SHOWN = {
  score: (result) => list(Object.entries(result).map(([name, value]) => [name.replaceAll("_", " "), value ?? "infinite"])),
  surprisal,
  next: (result) => bars(result.words.map(({ word, probability }) => [word, probability])),
  classify: (result) => element("div", {}, element("p", {}, element("strong", {}, String(result.label))),
    bars(Object.entries(result.probabilities)), result.highlights ? weights(result.highlights) : null),
  predict: (result) => element("div", {}, element("strong", {}, number(result.prediction, 6)),
    result.highlights ? weights(result.highlights) : null),
  tag: tags,
  similar: (result) => (result.reason ? element("p", { class: "soft" }, result.reason)
    : bars(result.neighbours.map(({ word, similarity }) => [word, similarity]), number)),
};

function translation(result) {
  return element("p", {}, result.translation);
}

const state = { models: [] };
const chosen = () => state.models[byId("model").selectedIndex];

function showModel() {
  const model = chosen();
  byId("question").replaceChildren(...model.questions.map((name) => element("option", {}, name)));
  const facts = Object.entries(model).filter(([name]) => !["name", "questions", "digest"].includes(name));
  byId("facts").textContent = facts.map(([name, value]) => `${name.replaceAll("_", " ")}: ${value}`).join(" · ");
}

async function asked(path, body) {
  const options = body === undefined ? {}
    : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, options);
  const found = await response.json();
  if (!response.ok) throw new Error(found.error);
  return found;
}

function inputs(question) {
  const lines = byId("inputs").value.split("\n").filter((line) => line.trim());
  if (!lines.length) throw new Error("Write a text first.");
  if (question === "similar") return { words: lines };
  if (question === "describe") return { vectors: lines.map((line) => line.trim().split(/[\s,]+/).map(Number)) };
  return { texts: lines };
}

async function ask(event) {
  event.preventDefault();
  const question = byId("question").value;
  const place = byId("answer");
  byId("ask").disabled = true;
  try {
    const given = inputs(question);
    const { results } = await asked(`/v1/${question}`, { model: chosen().name, ...given });
    const [lines] = Object.values(given);
    place.replaceChildren(...results.map((result, index) => element("article", { class: "result" },
      element("h2", {}, String(lines[index])), (SHOWN[question] || translation)(result))));
  } catch (error) {
    place.replaceChildren(element("p", { class: "error", role: "alert" }, error.message));
  } finally {
    byId("ask").disabled = false;
  }
}

async function begin() {
  try {
    state.models = (await asked("/v1/models")).models;
    byId("model").replaceChildren(...state.models.map(({ name }) => element("option", {}, name)));
    showModel();
    byId("model").addEventListener("change", showModel);
    byId("form").addEventListener("submit", ask);
    byId("ask").disabled = false;
  } catch (error) {
    byId("answer").replaceChildren(element("p", { class: "error", role: "alert" }, error.message));
  }
}

begin();
