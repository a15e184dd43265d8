// The viewer: one example large, a panel for the ground truth and one for each run, with the order of the vertices.
// Left and right arrows step through the gallery's order, Escape closes and gives the focus back to the card.
const viewer = document.getElementById("viewer");
let open = 0;

function panel(example, view, title, text, ...marks) {
  const parts = [element("figcaption", {}, title), picture(example, view, ...marks)];
  if (text !== null) {
    const summary = element("summary", {}, "text of the answer");
    parts.push(element("details", {}, summary, element("pre", {}, text)));
  }
  return element("figure", {}, ...parts);
}

const isEmpty = (shape) => shape?.rings?.length === 0;

function answerPanel(example, view, answer, run) {
  const css = `run-${"ab"[run]}`;
  const failure = answer.failure ? `, ${answer.failure}` : isEmpty(answer.shape) ? ", nothing drawn" : "";
  const value = `${example.measure} ${number(score(example.row, run))}${failure}`;
  const title = element("span", {}, element("span", { class: `key ${css}` }, DATA.runs[run]), ` ${value}`);
  const truth = outline(example, example.truth, "truth thin");
  const marks = [...truth, ...outline(example, answer.shape, css), ...vertices(view, answer.shape, css)];
  return panel(example, view, title, answer.text, ...marks);
}

function showExample(position) {
  open = position;
  const example = listed[position];
  document.getElementById("viewer-title").textContent = example.question;
  document.getElementById("viewer-position").textContent = `${position + 1} of ${listed.length}`;
  const view = viewOf(example, document.getElementById("viewer-zoom").checked);
  const nothing = !example.truth || isEmpty(example.truth) ? ": no target" : "";
  const title = element("span", { class: "key truth" }, `ground truth${nothing}`);
  const marks = [...outline(example, example.truth, "truth"), ...vertices(view, example.truth, "truth")];
  const truth = panel(example, view, title, null, ...marks);
  const answers = example.answers.map((answer, run) => answerPanel(example, view, answer, run));
  document.getElementById("viewer-panels").replaceChildren(truth, ...answers);
  const facts = [["sample", example.id], ["image", `${example.width} \u00d7 ${example.height} px`]];
  facts.push(...FILTERS.map((filter) => [filter.name, filter.values[filter.index[example.row]]]));
  document.getElementById("viewer-facts").replaceChildren(
    ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
  );
  document.getElementById("viewer-previous").disabled = position === 0;
  document.getElementById("viewer-next").disabled = position === listed.length - 1;
}

function openViewer(position) {
  showExample(position);
  viewer.showModal();
  document.getElementById("viewer-title").focus();
}

function step(by) {
  const position = open + by;
  if (position >= 0 && position < listed.length) showExample(position);
}

function buildViewer() {
  document.getElementById("viewer-previous").addEventListener("click", () => step(-1));
  document.getElementById("viewer-next").addEventListener("click", () => step(1));
  document.getElementById("viewer-close").addEventListener("click", () => viewer.close());
  viewer.addEventListener("close", () => focusCard(open));
  viewer.addEventListener("click", (event) => event.target === viewer && viewer.close()); // the backdrop
  viewer.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) step(by);
  });
  document.getElementById("viewer-zoom").addEventListener("change", () => showExample(open));
  for (const name of ["vertices", "photo"]) {
    const box = document.getElementById(`viewer-${name}`);
    box.addEventListener("change", () => viewer.classList.toggle(`no-${name}`, !box.checked));
  }
}

if (ALL_ROWS.length) {
  buildFilters();
  buildGallery();
  buildViewer();
  update();
}
