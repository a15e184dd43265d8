// The filters: one choice a slice, one for the outcome of each run. `update()` tells every view what is selected.
const OUTCOME_FILTERS = DATA.runs.map((label, run) => ({
  name: PAIRED ? `outcome, ${label}` : "outcome",
  values: DATA.outcomes,
  index: DATA.outcome[run],
}));
const FILTERS = [...DATA.slices, ...OUTCOME_FILTERS];
const chosen = new Map(); // filter -> index of its value
const views = [];

/** Rows that pass every filter but `except`. */
function rowsPassing(except = null) {
  const active = [...chosen].filter(([filter]) => filter !== except);
  return ALL_ROWS.filter((row) => active.every(([filter, value]) => filter.index[row] === value));
}

/** Choose `value` (an index, or null for any) of every [filter, value] given, and draw everything anew. */
function choose(...choices) {
  for (const [filter, value] of choices) {
    if (value === null) chosen.delete(filter);
    else chosen.set(filter, value);
    filter.field.value = value === null ? NO_FILTER : value;
  }
  update();
}

function update() {
  const rows = rowsPassing();
  document.getElementById("filters-active").textContent = chosen.size ? `(${chosen.size} active)` : "";
  document.getElementById("filters-clear").disabled = !chosen.size;
  for (const view of views) view(rows);
}

function fieldFor(filter) {
  const counts = filter.values.map(() => 0);
  for (const value of filter.index) counts[value] += 1;
  const options = filter.values.map((value, index) => element("option", { value: index }, `${value} (${counts[index]})`));
  filter.field = element("select", {}, element("option", { value: NO_FILTER }, "any"));
  filter.field.append(...options.filter((_, index) => counts[index]));
  filter.field.addEventListener("change", () => {
    choose([filter, filter.field.value === NO_FILTER ? null : Number(filter.field.value)]);
  });
  return element("label", {}, filter.name, filter.field);
}

function buildFilters() {
  const clear = element("button", { type: "button", id: "filters-clear" }, "Clear");
  clear.addEventListener("click", () => choose(...FILTERS.map((filter) => [filter, null])));
  document.getElementById("filter-fields").append(...FILTERS.map(fieldFor), clear);
  document.body.classList.toggle("paired", PAIRED);
  document.getElementById("filters").open = window.innerWidth > 640;
}

views.push((rows) => {
  const summary = document.getElementById("summary");
  if (!rows.length) {
    summary.replaceChildren("No sample is in all of these groups.");
    return;
  }
  const parts = DATA.runs.map((label, run) => {
    const { mean, low, high } = estimate(rows, (row) => score(row, run));
    const text = `${number(mean, 3)} (${number(low, 3)} to ${number(high, 3)})`;
    return element("span", { class: `figure run-${"ab"[run]}` }, PAIRED ? `${label} ` : "", element("b", {}, text));
  });
  if (PAIRED) {
    const { mean, low, high } = estimate(rows, worth);
    const text = `${signed(mean, 3)} (${signed(low, 3)} to ${signed(high, 3)})`;
    parts.push(element("span", { class: "figure" }, "difference ", element("b", {}, text)));
  }
  const count = rows.length === ALL_ROWS.length ? `all ${rows.length}` : `${rows.length} of ${ALL_ROWS.length}`;
  summary.replaceChildren(`${count} samples: mean ${DATA.measure} `, ...parts);
});
