// Charts of the selected rows as SVG: the histogram of scores, and the mean score against a number of the sample.
const CHART = { width: 310, height: 190, left: 38, right: 8, top: 8, bottom: 32 };
const BINS = 20;
const MOST_DOTS = 500;
const plotX = (share) => CHART.left + share * (CHART.width - CHART.left - CHART.right);
const plotY = (share) => CHART.height - CHART.bottom - share * (CHART.height - CHART.top - CHART.bottom);

function chart(title, description, xLabel, ...marks) {
  const axis = svg("path", { class: "axis", d: `M${plotX(0)} ${plotY(1)}V${plotY(0)}H${plotX(1)}` });
  const caption = svg("text", { x: plotX(0.5), y: CHART.height - 3, "text-anchor": "middle" }, xLabel);
  const box = { viewBox: `0 0 ${CHART.width} ${CHART.height}`, role: "img", "aria-label": `${title}: ${description}` };
  return element("figure", { class: "chart" }, element("figcaption", {}, title), svg("svg", box, axis, caption, ...marks));
}

function xTick(share, text) {
  const anchor = share > 0.95 ? "end" : share < 0.05 ? "start" : "middle";
  return svg("text", { x: plotX(share), y: plotY(0) + 13, "text-anchor": anchor }, text);
}

const yTick = (share, text) => svg("text", { x: CHART.left - 5, y: plotY(share) + 4, "text-anchor": "end" }, text);

function histogram(rows) {
  const counts = DATA.runs.map((_, run) => {
    const bins = new Array(BINS).fill(0);
    for (const row of rows) bins[Math.min(BINS - 1, Math.floor(score(row, run) * BINS))] += 1;
    return bins;
  });
  const most = Math.max(1, ...counts.flat());
  const width = 1 / BINS / counts.length;
  const bars = counts.flatMap((bins, run) =>
    bins.map((count, bin) => {
      const [x, y] = [plotX(bin / BINS + run * width) + 0.5, plotY(count / most)];
      const attributes = { x, y, width: plotX(width) - plotX(0) - 1, height: plotY(0) - y };
      const range = `${number(bin / BINS)} to ${number((bin + 1) / BINS)}: ${count}`;
      return svg("rect", { class: `bar run-${"ab"[run]}`, ...attributes }, svg("title", {}, range));
    }),
  );
  const low = counts.map((bins) => bins.slice(0, BINS / 2).reduce((sum, count) => sum + count, 0));
  const said = DATA.runs.map((label, run) => `${low[run]} of ${rows.length} below 0.5${PAIRED ? ` (${label})` : ""}`);
  const ticks = [0, 0.5, 1].map((share) => xTick(share, number(share, 1)));
  return chart(`Histogram of ${DATA.measure}`, said.join(", "), DATA.measure, ...bars, ...ticks, yTick(0, "0"), yTick(1, most));
}

/** Bins of about equal numbers of rows, sorted by x; equal x stay together. */
function quantileBins(rows, x) {
  const sorted = [...rows].sort((a, b) => x(a) - x(b));
  const size = Math.max(10, Math.ceil(sorted.length / 8));
  const bins = [];
  for (const row of sorted) {
    const last = bins.at(-1);
    if (!last || (last.length >= size && x(last.at(-1)) !== x(row))) bins.push([row]);
    else last.push(row);
  }
  if (bins.length > 1 && bins.at(-1).length < size / 2) bins.at(-2).push(...bins.pop());
  return bins;
}

/** Score against `column` (one array, or one for each run); a log axis where values span a factor of 20. */
function against(rows, title, column) {
  const values = (run) => (Array.isArray(column[0]) ? column[run] : column);
  const known = DATA.runs.map((_, run) => rows.filter((row) => values(run)[row] !== null));
  const all = known.flatMap((some, run) => some.map((row) => values(run)[row]));
  if (!all.length) return null;
  const [low, high] = all.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  const isLog = high > 20 * Math.max(low, 1);
  const scaled = (value) => (isLog ? Math.log(Math.max(value, 1)) : value);
  const place = (value) => (scaled(value) - scaled(low)) / (scaled(high) - scaled(low) || 1);
  const marks = known.flatMap((some, run) => {
    const x = (row) => values(run)[row];
    const css = `run-${"ab"[run]}`;
    const every = Math.ceil(some.length / MOST_DOTS);
    const dots = some.filter((_, index) => index % every === 0);
    const points = quantileBins(some, x).map((bin) => {
      const { mean, low, high, n } = estimate(bin, (row) => score(row, run));
      const at = plotX(bin.reduce((sum, row) => sum + place(x(row)), 0) / n);
      const interval = `${number(mean, 3)} (${number(low, 3)} to ${number(high, 3)})`;
      const title = `${x(bin[0])} to ${x(bin.at(-1))}: ${interval}, ${n} samples`;
      return { at, mean: plotY(mean), low: plotY(Math.max(0, low || 0)), high: plotY(Math.min(1, high || 0)), title };
    });
    const dot = (row) => svg("circle", { class: `dot ${css}`, cx: plotX(place(x(row))), cy: plotY(score(row, run)), r: 1.6 });
    return [
      ...dots.map(dot),
      svg("polyline", { class: `line ${css}`, points: points.map((p) => `${p.at},${p.mean}`).join(" ") }),
      ...points.map((p) => svg("path", { class: `line ${css}`, d: `M${p.at} ${p.low}V${p.high}` }, svg("title", {}, p.title))),
      ...points.map((p) => svg("circle", { class: `mean ${css}`, cx: p.at, cy: p.mean, r: 3.5 }, svg("title", {}, p.title))),
    ];
  });
  const middle = Math.round(isLog ? Math.exp((scaled(low) + scaled(high)) / 2) : (low + high) / 2);
  const xTicks = [...new Set([low, middle, high])].map((value) => xTick(place(value), String(value)));
  const said = `mean in groups of about equal size, with 95 % intervals, from ${low} to ${high}`;
  const label = isLog ? `${title}, log scale` : title;
  const yTicks = [0, 0.5, 1].map((share) => yTick(share, String(share)));
  return chart(`${DATA.measure} against ${title}`, said, label, ...marks, ...xTicks, ...yTicks);
}

views.push((rows) => {
  const charts = document.getElementById("charts");
  const columns = [
    ["area of the target (px)", DATA.area],
    ["vertices of the answer", DATA.vertices],
    ["words of the expression", DATA.words],
  ];
  const drawn = rows.length ? [histogram(rows), ...columns.map(([title, column]) => against(rows, title, column))] : [];
  charts.replaceChildren(...drawn.filter(Boolean));
});
