// What a chart tells where a reader points, touches or goes by arrow keys; see chart_readings.py.
// A chart may be drawn anew at any time, as on the page of a run that goes on: nothing is kept of it.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const KEYS = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };

  const element = (name, parent, className = "", text = "") => {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    parent.append(made);
    return made;
  };

  const drawn = (name, parent, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  };

  // The points that share a place on the horizontal axis, from left to right.
  const columns = ({ curves, labels = [] }) => {
    const found = new Map();
    for (const { name, ink, points } of curves)
      for (const [x, y, text] of points) {
        if (!found.has(x)) found.set(x, []);
        found.get(x).push({ name, ink, y, text });
      }
    return [...found].sort((a, b) => a[0] - b[0])
      .map(([x, points], at) => ({ x, points, label: labels[at] ?? "" }));
  };

  const nearest = (all, x) => all.reduce((best, each, at) =>
    Math.abs(each.x - x) < Math.abs(all[best].x - x) ? at : best, 0);

  let shown = null; // the chart, the place on it, and what was drawn for that
  const voice = element("div", document.body, "hidden"); // a screen reader speaks what stands there
  voice.setAttribute("aria-live", "polite");

  const chartOf = (event) => event.target.closest?.("svg[data-curves]") ?? null;
  const read = (svg) => {
    const told = JSON.parse(svg.dataset.curves);
    return { x: told.x, all: columns(told) };
  };

  const leave = () => {
    shown?.group.remove();
    shown?.tip.remove();
    shown = null;
  };

  const show = (svg, { x: axis, all }, at) => {
    if (shown?.svg === svg && shown.at === at && shown.group.isConnected) return;
    leave();
    const { x, points, label } = all[at];
    const heights = all.flatMap((each) => each.points.map(({ y }) => y));
    const group = drawn("g", svg, { class: "reading", "aria-hidden": "true" });
    const [y1, y2] = [Math.min(...heights) - 8, Math.max(...heights) + 8];
    drawn("line", group, { x1: x, x2: x, y1, y2 });
    for (const { y, ink } of points) drawn("circle", group, { cx: x, cy: y, r: 4 }).style.fill = ink;
    const tip = element("div", document.body, "tip");
    tip.setAttribute("aria-hidden", "true");
    element("strong", tip, "", `${axis} ${label}`.trim());
    for (const { name, ink, text } of points) {
      const row = element("span", tip);
      element("i", row).style.background = ink;
      element("span", row, "", name);
      element("b", row, "", text);
    }
    shown = { svg, at, group, tip };
    place(svg, tip, x, Math.min(...points.map(({ y }) => y)));
  };

  // Beside the line, on the side that has more room; never beyond the window's edge.
  const place = (svg, tip, x, y) => {
    const point = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
    const { width, height } = tip.getBoundingClientRect(), wide = document.documentElement.clientWidth;
    const left = point.x + 14 + width < wide ? point.x + 14 : Math.max(4, point.x - 14 - width);
    tip.style.left = `${Math.min(left, wide - width - 4) + scrollX}px`;
    tip.style.top = `${Math.max(4, point.y - height / 2) + scrollY}px`;
  };

  const speak = ({ x: axis, all }, at) => {
    const { points, label } = all[at];
    voice.textContent = [`${axis} ${label}`, ...points.map(({ name, text }) => `${name} ${text}`)].join(", ");
  };

  const follow = (event) => {
    const svg = chartOf(event);
    if (!svg) return leave();
    const told = read(svg);
    if (!told.all.length) return leave();
    const point = new DOMPoint(event.clientX, event.clientY);
    show(svg, told, nearest(told.all, point.matrixTransform(svg.getScreenCTM().inverse()).x));
  };

  const step = (event) => {
    const svg = chartOf(event);
    if (event.key === "Escape") leave();
    const by = KEYS[event.key];
    if (!svg || by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const told = read(svg), last = told.all.length - 1, at = shown?.svg === svg ? shown.at : -1;
    if (last < 0) return;
    const next = at < 0 && by === 1 ? 0 : at < 0 && by === -1 ? last : at + by;
    show(svg, told, Math.max(0, Math.min(last, next)));
    speak(told, shown.at);
  };

  for (const svg of document.querySelectorAll("svg[data-curves]")) {
    svg.tabIndex = 0;
    svg.classList.add("read");
    const name = svg.getAttribute("aria-label");
    if (name) svg.setAttribute("aria-label", `${name} Arrow keys read out its values.`);
  }
  document.addEventListener("pointermove", follow);
  document.addEventListener("pointerdown", follow);
  document.addEventListener("focusout", (event) => chartOf(event) && leave());
  document.addEventListener("keydown", step);
})();
