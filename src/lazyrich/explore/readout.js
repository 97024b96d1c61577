// The cell under the pointer: its own values, not the pointer's.
const image = cells.data_source.data.image;
const at = (edges, v) => edges.findIndex((low, i) => v >= low && v < edges[i + 1]);
const columns = x_values.length, rows = y_values.length;
let column, row, value;
if (curved === null) {
  [column, row] = [at(x_edges, cb_obj.x), at(y_edges, cb_obj.y)];
  // Images lie row by row, meshes column by column.
  if (column >= 0 && row >= 0) value = image ? image[0][row * columns + column] : cells.data_source.data[field][column * rows + row];
} else {
  const place = [cb_obj.x, cb_obj.y].map((v, i) =>
    Math.floor(((curved.log[i] ? Math.log10(v) : v) - curved.low[i]) / (curved.high[i] - curved.low[i]) * curved.size));
  const pixel = place.every(i => i >= 0 && i < curved.size) ? place[1] * curved.size + place[0] : -1;
  if (pixel >= 0 && curved.pixels[pixel] >= 0) {
    column = curved.pixels[pixel] % columns;
    row = Math.floor(curved.pixels[pixel] / columns);
    value = image[0][pixel];
  }
}
const say = v => String(Number(v.toPrecision(4)));
// What is painted in the colour below the scale was not run.
const worded = v => Number.isNaN(v) ? 'no value' : v < cells.glyph.color_mapper.low ? 'not run' : words.length ? words[v] : say(v);
// Symbols are those of a file: the readout shows text, not HTML.
readout.text = value === undefined ? nothing :
  `${x_symbol} = ${say(x_values[column])}, ${y_symbol} = ${say(y_values[row])}: ${worded(value)}`;
