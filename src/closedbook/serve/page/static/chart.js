// Charts as SVG, drawn anew when their place changes its width, so that letters keep their size.

import { svg, visible } from "./common.js";

const LEFT = 60, RIGHT = 26, TOP = 10, BOTTOM = 38;

/** Draws into a place now and whenever its width changes: `draw` gets the width. */
export function drawn(place, draw) {
  let last = 0;
  const again = () => {
    const width = Math.floor(place.clientWidth);
    if (width === last || !width) return; // none while it is hidden
    last = width;
    place.replaceChildren(draw(width));
  };
  place.redraw = () => {
    last = 0;
    again();
  };
  place.watcher?.disconnect();
  place.watcher = new ResizeObserver(again);
  place.watcher.observe(place);
  place.redraw();
}

/** From values to places: `log` for a logarithmic axis. */
function scale({ min, max, log = false }, from, to) {
  const form = log ? Math.log10 : (value) => value;
  const low = form(min), span = form(max) - low || 1;
  return (value) => from + ((form(log ? Math.max(value, min) : value) - low) / span) * (to - from);
}

/** Powers of ten along a logarithmic axis; where that is not two of them, 1, 2 and 5 times such too; none of fewer than two. */
function logarithmic(min, max, count) {
  const first = Math.ceil(Math.log10(min) - 1e-9), last = Math.floor(Math.log10(max) + 1e-9);
  if (last > first) {
    const step = Math.max(1, Math.ceil((last - first) / count));
    return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => 10 ** (first + index * step));
  }
  const found = [first - 1, first].flatMap((power) => [1, 2, 5].map((factor) => Number((factor * 10 ** power).toPrecision(12))));
  const inside = found.filter((value) => value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9));
  return inside.length > 1 ? inside : [];
}

/** Round values along an axis, about `count`. */
export function ticks({ min, max, log = false }, count = 5) {
  const powers = log ? logarithmic(min, max, count) : [];
  if (powers.length) return powers;
  const rough = (max - min) / count || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough - 1e-12);
  const found = [];
  for (let value = Math.ceil(min / step - 1e-9) * step; value <= max + 1e-9 * step; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}

const shown = (value) => {
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)) return value.toExponential(0).replace("e+", "e").replace("-", "−");
  return value.toLocaleString("en", { maximumFractionDigits: 4 }).replace("-", "−");
};

function axes(x, y, width, height, across, up) {
  const form = (axis) => axis.form ?? shown;
  return [
    ...ticks(y, 5).map((value) => [
      svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: up(value), y2: up(value) }),
      svg("text", { class: "soft", x: LEFT - 6, y: up(value) + 4, "text-anchor": "end" }, form(y)(value)),
    ]),
    ...ticks(x, width < 420 ? 4 : 6).map((value) => svg("text", { class: "soft", x: across(value), y: height - BOTTOM + 16, "text-anchor": "middle" }, form(x)(value))),
    svg("path", { class: "axis", d: `M${LEFT} ${TOP}V${height - BOTTOM}H${width - RIGHT}` }),
    svg("text", { x: (LEFT + width - RIGHT) / 2, y: height - 4, "text-anchor": "middle" }, x.label),
    svg("text", { x: -(height - BOTTOM) / 2, y: 12, transform: "rotate(-90)", "text-anchor": "middle" }, y.label),
  ].flat();
}

const path = (points, across, up) => points.map(([a, b], index) => `${index ? "L" : "M"}${across(a).toFixed(1)} ${up(b).toFixed(1)}`).join("");

/**
 * A chart: `lines` `{points, class}`, `draws` (many small dots), `dots` `{at, class}`, `rules` (upright lines) at values of x.
 * `label` says in words what is seen.
 */
export function chart({ label, width, height = 300, x, y, lines = [], draws = [], dots = [], rules = [] }) {
  const across = scale(x, LEFT, width - RIGHT), up = scale(y, height - BOTTOM, TOP);
  return svg("svg", { role: "img", "aria-label": visible(label), viewBox: `0 0 ${width} ${height}`, width, height },
    axes(x, y, width, height, across, up),
    draws.map(({ points, class: kind }) => points.map(([a, b]) => svg("circle", { class: `draw dot-${kind}`, cx: across(a).toFixed(1), cy: up(b).toFixed(1), r: 2 }))),
    rules.map((value) => svg("line", { class: "rule", x1: across(value), x2: across(value), y1: TOP, y2: height - BOTTOM })),
    lines.filter((line) => line.points.length).map((line) => svg("path", { class: `line ${line.class}`, d: path(line.points, across, up) })),
    lines.filter((line) => line.points.length === 1).map((line) => svg("circle", { class: `dot-${line.class}`, cx: across(line.points[0][0]), cy: up(line.points[0][1]), r: 3 })),
    dots.map(({ at, class: kind }) => svg("circle", { class: `dot-${kind}`, cx: across(at[0]), cy: up(at[1]), r: 5 })));
}
