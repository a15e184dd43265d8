// The gallery: cards of the selected examples in the chosen order; arrow keys move between them, Enter opens one.
const PAGE_SIZE = 36;
const SORTS = PAIRED
  ? [
      ["largest loss first", worth, 1],
      ["largest gain first", worth, -1],
      [`lowest ${DATA.measure} of ${DATA.runs[1]} first`, (row) => score(row, 1), 1],
      [`highest ${DATA.measure} of ${DATA.runs[1]} first`, (row) => score(row, 1), -1],
    ]
  : [
      [`lowest ${DATA.measure} first`, worth, 1],
      [`highest ${DATA.measure} first`, worth, -1],
      ["smallest target first", (row) => DATA.area[row] ?? 0, 1],
      ["most vertices first", (row) => DATA.vertices[0][row] ?? 0, -1],
    ];
const cards = document.getElementById("cards");
let listed = []; // the examples that pass the filters, in order
let nCards = PAGE_SIZE;

function badge(example) {
  const { row } = example;
  if (PAIRED) return `${number(score(row, 0))} \u2192 ${number(score(row, 1))}  (${signed(worth(row))})`;
  return `${example.measure} ${number(score(row, 0))}`;
}

function card(example, position) {
  const answers = example.answers.map((answer, run) => outline(example, answer.shape, `run-${"ab"[run]}`));
  const marks = [outline(example, example.truth, "truth"), ...answers].flat();
  const failures = example.answers.map((answer) => answer.failure ?? "read");
  const caption = [element("b", {}, badge(example)), element("span", {}, example.question)];
  if (example.answers.some((answer) => answer.failure)) caption.push(element("em", {}, failures.join(" \u2192 ")));
  const attributes = { type: "button", class: "card", tabindex: position ? -1 : 0, onclick: () => openViewer(position) };
  return element("button", attributes, picture(example, viewOf(example, true), ...marks), ...caption);
}

function drawCards() {
  cards.replaceChildren(...listed.slice(0, nCards).map(card));
  document.getElementById("more").hidden = nCards >= listed.length;
}

/** Focus a card, drawing more of them if it is not there yet. */
function focusCard(position) {
  if (position >= nCards) {
    nCards = position + PAGE_SIZE;
    drawCards();
  }
  for (const [index, node] of [...cards.children].entries()) node.tabIndex = index === position ? 0 : -1;
  cards.children[position]?.focus();
}

function nColumns() {
  const top = cards.firstElementChild?.offsetTop;
  return [...cards.children].filter((node) => node.offsetTop === top).length;
}

cards.addEventListener("keydown", (event) => {
  const position = [...cards.children].indexOf(document.activeElement);
  const last = cards.children.length - 1;
  const columns = nColumns();
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -position, End: last - position };
  if (position < 0 || !(event.key in moves)) return;
  event.preventDefault();
  focusCard(Math.min(last, Math.max(0, position + moves[event.key])));
});

function buildGallery() {
  const sort = document.getElementById("sort");
  sort.append(...SORTS.map(([name], index) => element("option", { value: index }, name)));
  sort.addEventListener("change", update);
  document.getElementById("more").addEventListener("click", () => focusCard(nCards));
  const names = [["truth", "ground truth"], ...DATA.runs.map((label, run) => [`run-${"ab"[run]}`, label])];
  document.getElementById("legend").append(...names.map(([css, label]) => element("span", { class: `key ${css}` }, label)));
}

views.push((rows) => {
  const [, key, sign] = SORTS[Number(document.getElementById("sort").value)];
  const selected = new Set(rows);
  listed = DATA.examples.filter((example) => selected.has(example.row));
  listed.sort((a, b) => sign * (key(a.row) - key(b.row)));
  nCards = PAGE_SIZE;
  const count = `${listed.length} of the ${rows.length} selected samples have a picture in this file. `;
  document.getElementById("gallery-count").textContent = count + DATA.chosen;
  drawCards();
});
