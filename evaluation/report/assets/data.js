"use strict";
// What the page knows: one entry per sample in every column, `runs.length` columns where each run has its own value.
const DATA = JSON.parse(document.getElementById("data").textContent);
const PAIRED = DATA.runs.length === 2;
const ALL_ROWS = DATA.image.map((_, row) => row);
const NO_FILTER = "";

const score = (row, run) => DATA.score[run][row];

/** What a row is judged by: the difference of two runs, or the score of the only one. */
const worth = (row) => (PAIRED ? score(row, 1) - score(row, 0) : score(row, 0));

/** Mean and 95 % interval. Samples of one image are not independent: deviations are summed within it first. */
function estimate(rows, value) {
  const mean = rows.reduce((sum, row) => sum + value(row), 0) / rows.length;
  const byImage = new Map();
  for (const row of rows) byImage.set(DATA.image[row], (byImage.get(DATA.image[row]) ?? 0) + value(row) - mean);
  let squares = 0;
  for (const deviation of byImage.values()) squares += deviation * deviation;
  const images = byImage.size;
  const half = images > 1 ? (1.96 * Math.sqrt((squares * images) / (images - 1))) / rows.length : NaN;
  return { mean, low: mean - half, high: mean + half, n: rows.length };
}

const number = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits).replace("-", "\u2212") : "\u2013");
const signed = (value, digits = 2) => (value > 0 ? "+" : "") + number(value, digits);
const shown = (value, digits = 3) => (PAIRED ? signed : number)(value, digits);

// Text reaches the page through these two alone, as text nodes and attributes: never as markup.
function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}
