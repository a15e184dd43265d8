// Outlines over a photo as vectors: what is drawn in the gallery's cards and in the viewer's panels.
// A shape is {rings: [[x, y, x, y, ...], ...]}, {box: [x, y, width, height]} or {point: [x, y]}, in pixels of the sample.
// Rings against the clock are holes, unless the shape is a union of them all.
const MOST_NUMBERS = 12;

function photo(example) {
  const attributes = { class: "photo", width: example.width, height: example.height, preserveAspectRatio: "none" };
  return svg("image", { ...attributes, href: DATA.photos[example.photo] });
}

/** The outline twice, dark and wide below, so that it is seen on any photo. */
function outline(example, shape, css) {
  if (!shape) return [];
  const draw = (layer) => {
    if (shape.box) {
      const [x, y, width, height] = shape.box;
      return svg("rect", { class: `${layer} ${css}`, x, y, width, height });
    }
    if (shape.point) {
      const [cx, cy] = shape.point;
      return svg("circle", { class: `${layer} ${css}`, cx, cy, r: Math.max(example.width, example.height) / 50 });
    }
    const paths = shape.rings.map(path);
    const drawn = shape.union ? paths : [paths.join("")];
    return drawn.map((d) => svg("path", { class: `${layer} ${css}`, d }));
  };
  return [draw("halo"), draw("outline")].flat();
}

function path(ring) {
  let d = "";
  for (let i = 0; i < ring.length; i += 2) d += `${i ? "L" : "M"}${ring[i]} ${ring[i + 1]}`;
  return `${d}Z`;
}

/** A dot on every vertex, a ring around the first, an arrow to the second, and about a dozen numbers along the way. */
function vertices(view, shape, css) {
  if (!shape?.rings?.length) return [];
  const [x0, y0, x1, y1] = extent(shape);
  const unit = Math.min(Math.max(view[2], view[3]) / 100, Math.max(x1 - x0, y1 - y0) / 30); // no larger than the outline bears
  const total = shape.rings.reduce((sum, ring) => sum + ring.length / 2, 0);
  const every = Math.max(1, Math.ceil(total / MOST_NUMBERS));
  return shape.rings.flatMap((ring) => {
    const marks = [];
    for (let i = 0; i < ring.length / 2; i += 1) {
      const [x, y] = [ring[2 * i], ring[2 * i + 1]];
      marks.push(svg("circle", { class: `vertex ${css}`, cx: x, cy: y, r: unit * (total > 60 ? 0.45 : 0.7) }));
      if (i % every === 0) {
        const place = { class: "order", x: x + unit, y: y - unit, "font-size": 3.2 * unit, "stroke-width": 0.8 * unit };
        marks.push(svg("text", place, i + 1));
      }
    }
    const start = svg("circle", { class: `start ${css}`, cx: ring[0], cy: ring[1], r: 1.7 * unit });
    return [...marks, start, ...arrow(ring, unit, css)];
  });
}

/** The direction: a head in the middle of the first edge that is long enough to carry one. */
function arrow(ring, unit, css) {
  for (let i = 0; i < ring.length; i += 2) {
    const [x, y, nextX, nextY] = [0, 1, 2, 3].map((k) => ring[(i + k) % ring.length]);
    if (Math.hypot(nextX - x, nextY - y) < 5 * unit) continue;
    const turn = (Math.atan2(nextY - y, nextX - x) * 180) / Math.PI;
    const place = `translate(${(x + nextX) / 2} ${(y + nextY) / 2}) rotate(${turn}) scale(${unit})`;
    return [svg("path", { class: `arrow ${css}`, d: "M-1.4 -1.5L1.8 0L-1.4 1.5Z", transform: place })];
  }
  return [];
}

function extent(shape) {
  if (shape.point) return [...shape.point, ...shape.point];
  if (shape.box) return [shape.box[0], shape.box[1], shape.box[0] + shape.box[2], shape.box[1] + shape.box[3]];
  const xy = shape.rings.flat();
  const side = (parity) => xy.filter((_, index) => index % 2 === parity);
  return [Math.min(...side(0)), Math.min(...side(1)), Math.max(...side(0)), Math.max(...side(1))];
}

/** What is looked at, [x, y, width, height]: the whole photo, or the part around everything drawn in any panel. */
function viewOf(example, isClose) {
  const { width, height } = example;
  const shapes = [example.truth, ...example.answers.map((answer) => answer.shape)];
  const extents = shapes.filter((shape) => shape && !(shape.rings?.length === 0)).map(extent);
  if (!isClose || !extents.length) return [0, 0, width, height];
  const [x0, y0] = [0, 1].map((k) => Math.min(...extents.map((e) => e[k])));
  const [x1, y1] = [2, 3].map((k) => Math.max(...extents.map((e) => e[k])));
  const side = Math.max(1.5 * Math.max(x1 - x0, y1 - y0), 0.25 * Math.max(width, height));
  const along = (middle, size) => {
    const length = Math.min(side, size);
    return [Math.min(Math.max(middle - length / 2, 0), size - length), length];
  };
  const [[x, w], [y, h]] = [along((x0 + x1) / 2, width), along((y0 + y1) / 2, height)];
  return [x, y, w, h];
}

function picture(example, view, ...marks) {
  return svg("svg", { viewBox: view.join(" "), "aria-hidden": "true" }, photo(example), ...marks);
}
