// Two maps and the trajectory of a cell, from numbers that lie in the page (lazyrich.draw.atlas, lazyrich.draw.pack).
"use strict";
window.lazyrich = (() => {
  const MISSING = 65535, INFINITE = 65534, ZERO = 65533, TOP = 65532;
  const text = id => document.getElementById(id).textContent;
  const atlas = JSON.parse(text("atlas-data"));
  const items = JSON.parse(text("atlas-items"));
  const [X, Y] = atlas.axes;
  const nx = X.values.length, ny = Y.values.length;
  const state = {slice: atlas.slices.map(() => 0), chosen: null, view: null};
  const slots = {};  // left, right -> {layer, figures: item's name -> figure}
  const panels = {};  // name -> figure
  let codes;

  // ---- numbers ----

  async function unpack() {
    const bytes = Uint8Array.from(atob(text("atlas-numbers").trim()), c => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const planes = new Uint8Array(await new Response(stream).arrayBuffer());
    const count = planes.length / 2;
    codes = new Uint16Array(count);
    for (let i = 0; i < count; i++) codes[i] = planes[i] << 8 | planes[count + i];
  }

  function decoded(code, low, high, log) {
    if (code === MISSING) return NaN;
    if (code === INFINITE) return Infinity;
    if (code === ZERO && log) return 0;
    const share = code / TOP;
    return log ? Math.exp(Math.log(low) + share * (Math.log(high) - Math.log(low))) : low + share * (high - low);
  }

  const sliceNumber = () => state.slice.reduce((flat, i, dim) => flat * atlas.slices[dim].points.length + i, 0);

  const codeAt = (place, ix, iy) => codes[place.offset + (sliceNumber() * ny + iy) * nx + ix];

  function valueAt(layer, ix, iy) {
    const code = codeAt(layer, ix, iy);
    return layer.words ? code === MISSING ? NaN : code : decoded(code, layer.low, layer.high, layer.log);
  }

  // Without a number, and nothing was trained there: a refined sweep has interpolated numbers in other such cells.
  const notRun = (layer, ix, iy) => codeAt(atlas.untrained, ix, iy) === 1 && !Number.isFinite(valueAt(layer, ix, iy));

  function inWords(layer, ix, iy) {
    const value = valueAt(layer, ix, iy);
    if (notRun(layer, ix, iy)) return "not run";
    if (layer.words) return layer.words[value];
    return Number.isNaN(value) ? "no value" : short(value);
  }

  // What the colour mapper is given: zero under a logarithmic scale would be painted like a missing value.
  function painted(layer, ix, iy) {
    const value = valueAt(layer, ix, iy);
    if (layer.words) return value;
    if (notRun(layer, ix, iy)) return layer.below;
    return Number.isFinite(value) ? Math.min(Math.max(value, layer.clip[0]), layer.clip[1]) : NaN;
  }

  function short(value) {
    if (value === Infinity) return "∞";
    if (value === 0) return "0";
    const size = Math.abs(value);
    return size >= 1e5 || size < 1e-3 ? value.toExponential(2).replace("e+", "e") : String(Number(value.toPrecision(3)));
  }

  const counted = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;

  function indexOf(axis, value) {
    for (let i = 0; i < axis.values.length; i++) if (value >= axis.edges[i] && value < axis.edges[i + 1]) return i;
    return null;
  }

  // ---- Bokeh ----

  async function embed(name, place) {
    const before = new Set(Bokeh.documents);
    const target = document.createElement("div");
    target.id = `${place.closest("section").id}-${name}`;
    place.append(target);
    await Bokeh.embed.embed_item({...items[name], target_id: target.id}, target.id);
    // By its name, too: figures further down the page may be embedded meanwhile.
    const fresh = Bokeh.documents.filter(each => !before.has(each)).flatMap(each => each.roots());
    return {root: fresh.find(each => each.name === name), target};
  }

  const called = (figure, name) =>
    [...figure.root.renderers, ...figure.root.center].filter(each => each.name === name);

  const entry = (data, key) => data instanceof Map ? data.get(key) : data[key];

  function give(source, columns) {
    const data = source.data instanceof Map ? Object.fromEntries(source.data) : source.data;
    source.data = {...data, ...columns};
  }

  // ---- maps ----

  function link(figure) {
    const ranges = {x: figure.root.x_range, y: figure.root.y_range};
    state.view ??= {x: [ranges.x.start, ranges.x.end], y: [ranges.y.start, ranges.y.end]};
    for (const [axis, range] of Object.entries(ranges)) {
      const moved = () => {
        const now = [range.start, range.end];
        if (state.moving || String(now) === String(state.view[axis])) return;
        state.view[axis] = now;
        state.moving = true;
        for (const slot of Object.values(slots)) for (const other of Object.values(slot.figures)) look(other);
        state.moving = false;
      };
      range.properties.start.change.connect(moved);
      range.properties.end.change.connect(moved);
    }
    look(figure);
  }

  function look(figure) {
    for (const axis of ["x", "y"]) {
      const range = figure.root[`${axis}_range`], [start, end] = state.view[axis];
      if (range.start !== start || range.end !== end) range.setv({start, end});
    }
  }

  function fill(figure, layer) {
    const [cells] = called(figure, "cells");
    // Maps of numbers share a figure: each has its own title and limits of the colours.
    figure.root.title.setv({text: layer.title});
    if (!layer.words) (cells.glyph.color_mapper ?? cells.glyph.fill_color.transform).setv({low: layer.clip[0], high: layer.clip[1]});
    const source = cells.data_source, image = entry(source.data, "image");
    const values = new Float64Array(nx * ny);  // the lowest value must not be rounded to below its colour
    for (let iy = 0; iy < ny; iy++)
      for (let ix = 0; ix < nx; ix++)
        // HoloViews has an image row by row and the quads of an uneven grid column by column.
        values[image ? iy * nx + ix : ix * ny + iy] = painted(layer, ix, iy);
    if (image) give(source, {image: [new image[0].constructor(values, [ny, nx])]});
    else give(source, {[cells.glyph.fill_color.field]: values});
    const lines = atlas.lines[sliceNumber()];
    for (const name of new Set(atlas.lines.flatMap(each => Object.keys(each)))) {
      const [xs, ys] = (lines[name] ?? [[null], [null]]).map(column => column.map(v => v ?? NaN));
      for (const line of called(figure, name)) give(line.data_source, {[line.glyph.x.field]: xs, [line.glyph.y.field]: ys});
    }
  }

  function mark(figure) {
    const [box] = called(figure, "chosen");
    if (!box) return;
    if (state.chosen === null) { box.visible = false; return; }
    const [ix, iy] = state.chosen;
    box.setv({left: X.edges[ix], right: X.edges[ix + 1], bottom: Y.edges[iy], top: Y.edges[iy + 1], visible: true});
  }

  async function show(name) {
    const slot = slots[name], layer = slot.layer;
    slot.figures[layer.item] ??= await embed(layer.item, slot.element.querySelector(".drawings")).then(figure => {
      link(figure);
      return figure;
    });
    const figure = slot.figures[layer.item];
    fill(figure, layer);
    mark(figure);
    for (const [other, each] of Object.entries(slot.figures)) each.target.hidden = other !== layer.item;
    const caption = slot.element.querySelector(".caption");
    caption.textContent = `${layer.caption} ${atlas.setting} `;
    if (atlas.step > 1) caption.append(`Every ${atlas.step}th point of both axes is shown here. `);
    if (layer.figure) {
      for (const kind of ["svg", "png", "html"]) {
        const link = document.createElement("a");
        link.href = `figures/${layer.name}.${kind}`;
        link.textContent = kind === "html" ? "alone" : kind.toUpperCase();
        caption.append(link, kind === "html" ? "" : " · ");
      }
    }
  }

  // ---- the cell ----

  function place(ix, iy) {
    const further = atlas.slices.flatMap((slice, dim) =>
      Object.entries(slice.points[state.slice[dim]]).map(([name, value]) => [name, slice.symbols[name], value]));
    const at = (axis, i) => [axis.name, axis.symbol, (axis.names ?? axis.values)[i]];
    return [at(X, ix), at(Y, iy), ...further];
  }

  const spoken = parts => parts.map(([, symbol, value]) => `${symbol} = ${typeof value === "number" ? short(value) : value}`).join(", ");

  // The kept trajectory nearest to a cell: its number, and where it is on the whole grid.
  function nearest(ix, iy) {
    const kept = atlas.trajectories;
    const close = (list, wanted) => list.reduce((best, value, i) => Math.abs(value - wanted) < Math.abs(list[best] - wanted) ? i : best, 0);
    const column = close(kept.columns, ix * atlas.step), row = close(kept.rows, iy * atlas.step);
    const number = kept.cells[(sliceNumber() * kept.rows.length + row) * kept.columns.length + column];
    return {number, ix: kept.columns[column], iy: kept.rows[row]};
  }

  function curve(number, at, scale) {
    const records = atlas.trajectories.records;
    const found = [];
    for (let j = 0; j < records; j++) {
      const code = codes[at.offset + number * records + j];
      found.push(scale.log && code === ZERO ? NaN : decoded(code, scale.low, scale.high, scale.log));
    }
    return found;
  }

  // [steps, values, whether any of it can be seen] of a line, which ends at records that are not joined with the next one, and
  // of the dots at these.
  function line(steps, values, joined) {
    const xs = [], ys = [];
    let seen = false;
    values.forEach((value, j) => {
      xs.push(steps[j]);
      ys.push(value);
      if (joined[j]) seen ||= Number.isFinite(value) && Number.isFinite(values[j + 1]);
      else { xs.push(NaN); ys.push(NaN); }
    });
    return [xs, ys, seen];
  }

  function dots(steps, values, joined) {
    const last = values.length - 1;
    const apart = values.map((_, j) => (j < last && !joined[j]) || (j > 0 && !joined[j - 1]));
    const [xs, ys] = [steps, values].map(column => column.filter((_, j) => apart[j]));
    return [xs, ys, ys.some(Number.isFinite)];
  }

  function lay(figure, key, xs, ys, seen) {
    for (const each of called(figure, key)) {
      give(each.data_source, {[each.glyph.x.field]: xs, [each.glyph.y.field]: ys});
      each.visible = seen;
      for (const legend of figure.root.below.filter(each => each.type === "Legend"))
        for (const item of legend.items) if (item.renderers.includes(each)) item.visible = seen;
    }
  }

  async function draw(number) {
    const kept = atlas.trajectories, last = kept.last[number];
    const steps = curve(number, kept.steps, {low: 0, high: Math.max(last, 1), log: false});
    const onset = kept.onset[number] ?? last, end = Math.max(kept.end[number] ?? last, onset);
    for (const panel of kept.panels) {
      panels[panel.name] ??= await embed(`panel-${panel.name}`, document.querySelector("#cell .panels"));
      const figure = panels[panel.name], [low, high] = panel.spans.map(column => column[number]);
      for (const each of kept.curves.filter(each => each.panel === panel.name)) {
        const values = curve(number, each, {low, high, log: panel.log});
        for (const [key, drawn] of Object.entries({[each.key]: line, [`dots_${each.key}`]: dots}))
          lay(figure, key, ...drawn(steps, values, codes.subarray(each.joined + number * kept.records)));
      }
      for (const [name, left, right] of [["stage_1", 0, onset], ["stage_2", onset, end]])
        for (const box of called(figure, name)) box.setv({left, right});
      figure.root.x_range.setv({start: -0.02 * kept.until[number], end: 1.02 * kept.until[number]});
      figure.root.y_range.setv({start: low, end: high});
    }
  }

  async function choose(ix, iy) {
    state.chosen = [ix, iy];
    for (const slot of Object.values(slots)) for (const figure of Object.values(slot.figures)) mark(figure);
    const section = document.getElementById("cell");
    section.hidden = false;
    section.querySelector("h3").textContent = spoken(place(ix, iy));
    const rows = atlas.layers.map(layer => [layer.heading, layer.symbol, inWords(layer, ix, iy)]);
    section.querySelector(".values").replaceChildren(...rows.map(cells => {
      const row = document.createElement("tr");
      row.append(...cells.map(cell => Object.assign(document.createElement("td"), {textContent: cell})));
      return row;
    }));
    const note = section.querySelector(".note"), code = section.querySelector("code");
    code.parentElement.hidden = true;
    if (!atlas.trajectories) { note.textContent = "This sweep keeps end values only: there are no trajectories."; return; }
    const found = nearest(ix, iy);
    const away = found.ix !== ix * atlas.step || found.iy !== iy * atlas.step;
    const missing = found.number < 0;
    section.querySelector(".panels").hidden = missing;
    note.textContent = missing ? "No network was trained in this cell." :
      away ? `The page keeps some trajectories; this is the nearest one, ${counted(Math.abs(found.ix - ix * atlas.step), "cell")} along ${X.symbol} and ` +
        `${Math.abs(found.iy - iy * atlas.step)} along ${Y.symbol} away.` : `Replicate ${atlas.trajectories.replicate}.`;
    if (missing) return;
    await draw(found.number);
    const kept = atlas.trajectories;
    section.querySelector(".times").textContent =
      `t₁ = ${kept.onset[found.number] ?? "not reached"}, t₂ = ${kept.end[found.number] ?? "not reached"}, ` +
      `${counted(kept.last[found.number], "step")}.`;
    if (!away) {
      const named = [X.named[ix], Y.named[iy], ...atlas.slices.map((slice, dim) => slice.named[state.slice[dim]])].join(" ");
      code.textContent = atlas.replay.replace(atlas.cell, () => named);
      code.parentElement.hidden = false;
    }
  }

  // ---- what people do ----

  function cellAt(figure, x, y) {
    const ix = indexOf(X, x), iy = indexOf(Y, y);
    return ix === null || iy === null ? null : [ix, iy];
  }

  // Whoever looks from outside (a test) can tell when everything is drawn.
  async function working(work) {
    const home = document.getElementById("atlas");
    home.dataset.ready = "no";
    await work();
    home.dataset.ready = "yes";
  }

  function tap(figure, x, y) {
    const cell = cellAt(figure, x, y);
    if (cell) working(() => choose(...cell));
  }

  function mousemove(figure, x, y) {
    const cell = cellAt(figure, x, y);
    const shown = Object.values(slots).map(slot => slot.layer);
    document.getElementById("readout").textContent = cell === null ? "\u00a0" :
      `${spoken(place(...cell))}: ` + [...new Set(shown)].map(layer =>
        `${layer.symbol ? `${layer.symbol} =` : `${layer.heading.toLowerCase()}:`} ${inWords(layer, ...cell)}`).join("; ");
  }

  async function slide() {
    for (const name of Object.keys(slots)) await show(name);
    if (state.chosen) await choose(...state.chosen);
  }

  function sliders() {
    atlas.slices.forEach((slice, dim) => {
      const label = document.createElement("label"), words = document.createElement("span");
      const input = Object.assign(document.createElement("input"), {type: "range", min: 0, max: slice.points.length - 1, value: 0});
      const say = () => {
        words.textContent = Object.entries(slice.points[state.slice[dim]])
          .map(([name, value]) => `${slice.symbols[name]} = ${typeof value === "number" ? short(value) : value}`).join(", ");
      };
      input.addEventListener("input", () => { state.slice[dim] = Number(input.value); say(); working(slide); });
      label.append(input, words);
      document.getElementById("slices").append(label);
      say();
    });
  }

  // A first example: the trajectory nearest to the middle of what was trained.
  function example() {
    const middle = [Math.floor(nx / 2), Math.floor(ny / 2)];
    if (!atlas.trajectories) return null;
    const found = nearest(...middle);
    return [Math.round(found.ix / atlas.step), Math.round(found.iy / atlas.step)].map((i, axis) => Math.min(i, [nx, ny][axis] - 1));
  }

  async function start() {
    await unpack();
    sliders();
    const first = {left: 0, right: Math.min(1, atlas.layers.length - 1)};
    for (const [name, index] of Object.entries(first)) {
      const element = document.getElementById(name), select = element.querySelector("select");
      select.append(...atlas.layers.map((layer, i) => new Option(layer.heading, i, i === index, i === index)));
      slots[name] = {element, layer: atlas.layers[index], figures: {}};
      select.addEventListener("change", () => { slots[name].layer = atlas.layers[select.value]; working(() => show(name)); });
      await show(name);
    }
    const cell = example();
    if (cell) await choose(...cell);
  }

  working(start);
  return {tap, mousemove};
})();
