// Tables of the selected rows: outcomes against a slice or against the other run, and the score of every group.
// Each cell and each group is a button that filters by what it shows.
let acrossName = null;

function outcomeTable(rows) {
  const down = OUTCOME_FILTERS[0];
  const across = PAIRED ? OUTCOME_FILTERS[1] : DATA.slices.find((slice) => slice.name === acrossName) ?? DATA.slices[0];
  if (!across) return element("p", {}, "No groups.");
  const counts = down.values.map(() => across.values.map(() => 0));
  for (const row of rows) counts[down.index[row]][across.index[row]] += 1;
  const columns = across.values.map((_, c) => c).filter((c) => counts.some((line) => line[c]));
  const totals = columns.map((c) => counts.reduce((sum, line) => sum + line[c], 0));
  const head = columns.map((c) => element("th", { scope: "col" }, across.values[c]));
  const lines = counts.flatMap((line, r) => {
    if (!line.some(Boolean)) return [];
    const cells = columns.map((c, i) => {
      const share = line[c] / (PAIRED ? rows.length : totals[i]);
      const label = `${line[c]}: ${down.values[r]}, ${across.values[c]}`;
      const onclick = () => choose([down, r], [across, c]);
      const button = element("button", { type: "button", "aria-label": label, onclick }, line[c]);
      const level = line[c] ? 1 + Math.min(4, Math.floor(share * 10)) : 0;
      return element("td", { class: `level-${level}` }, ...(line[c] ? [button] : ["\u00b7"]));
    });
    return [element("tr", {}, element("th", { scope: "row" }, down.values[r]), ...cells)];
  });
  const corner = element("th", { scope: "col" }, PAIRED ? `${DATA.runs[0]} \u2193  ${DATA.runs[1]} \u2192` : "outcome");
  return element("div", { class: "scroll" }, element("table", { class: "matrix" }, element("tr", {}, corner, ...head), ...lines));
}

function acrossField() {
  const options = DATA.slices.map((slice) => element("option", {}, slice.name));
  const field = element("select", {}, ...options);
  field.value = acrossName ?? DATA.slices[0]?.name;
  field.addEventListener("change", () => {
    acrossName = field.value;
    update();
    document.querySelector("#outcomes select").focus();
  });
  return element("label", {}, "by ", field);
}

views.push((rows) => {
  const fields = PAIRED || !DATA.slices.length ? [] : [acrossField()];
  document.getElementById("outcomes").replaceChildren(...fields, outcomeTable(rows));
});

/** A bar from `low` to `high` with the mean on it: from 0 to 1, or from -span to span around a line at no difference. */
function intervalBar({ mean, low, high }, span) {
  const place = (value) => (PAIRED ? 50 + (50 * value) / span : 100 * value).toFixed(1);
  const known = Number.isFinite(low);
  return svg(
    "svg",
    { class: "interval", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "axis", d: "M0 5H100" + (PAIRED ? "M50 0V10" : "") }),
    svg("path", { class: "extent", d: known ? `M${place(low)} 5H${place(high)}` : "" }),
    svg("path", { class: "middle", d: `M${place(mean)} 0V10` }),
  );
}

function measuredGroups(slice) {
  const rows = rowsPassing(slice);
  const members = slice.values.map((_, index) => rows.filter((row) => slice.index[row] === index));
  return members.flatMap((some, index) => (some.length ? [{ index, some, measured: estimate(some, worth) }] : []));
}

/** The name of a group as a button that filters by it, or takes that filter back. */
function groupButton(slice, index) {
  const isChosen = chosen.get(slice) === index;
  const key = `${DATA.slices.indexOf(slice)}-${index}`;
  const toggle = () => {
    choose([slice, isChosen ? null : index]);
    document.querySelector(`#groups button[data-group="${key}"]`).focus(); // the one drawn anew
  };
  const attributes = { type: "button", "aria-pressed": isChosen, "data-group": key, onclick: toggle };
  return element("button", attributes, slice.values[index]);
}

function groupLine(slice, { index, some, measured }, span) {
  const { mean, low, high } = measured;
  const interval = Number.isFinite(low) ? `${shown(low)} to ${shown(high)}` : "\u2013";
  const runs = PAIRED ? DATA.runs.map((_, run) => estimate(some, (row) => score(row, run)).mean) : [];
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, groupButton(slice, index)),
    element("td", {}, some.length),
    ...runs.map((value) => element("td", { class: "each-run" }, number(value, 3))),
    element("td", { class: "extent-column" }, element("b", {}, shown(mean)), " ", element("small", {}, interval)),
    element("td", {}, intervalBar(measured, span)),
  );
}

function groupLines(slice, groups, span) {
  if (!groups.length) return [];
  const title = element("th", { colspan: PAIRED ? 6 : 4, scope: "colgroup" }, slice.name);
  return [element("tr", { class: "group" }, title), ...groups.map((group) => groupLine(slice, group, span))];
}

views.push(() => {
  const column = (name, css = "") => element("th", { scope: "col", class: css }, name);
  const values = PAIRED
    ? [...DATA.runs.map((label) => column(label, "each-run")), column("difference")]
    : [column(`mean ${DATA.measure}`)];
  const head = element("tr", {}, column("group"), column("samples"), ...values, column(""));
  const tables = DATA.slices.map((slice) => [slice, measuredGroups(slice)]);
  const measured = tables.flatMap(([, groups]) => groups.map((group) => group.measured));
  const reach = measured.flatMap(({ mean, low, high }) => [mean, low || 0, high || 0]);
  const span = Math.max(0.05, ...reach.map(Math.abs));
  const lines = tables.flatMap(([slice, groups]) => groupLines(slice, groups, span));
  const table = element("table", { class: "groups" }, head, ...lines);
  document.getElementById("groups").replaceChildren(element("div", { class: "scroll" }, table));
});
