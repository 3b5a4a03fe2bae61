"use strict";
const byId = (id) => document.getElementById(id);
const canvas = byId("points"), pen = canvas.getContext("2d");
const MOST_NAMED = 150;
let points = null, place = {}, chosen = null, near = new Set(), known = new Set(), zoom = 1, shiftX = 0, shiftY = 0, grid = null;

async function ask(path) {
  const reply = await fetch(path), value = await reply.json();
  if (!reply.ok) throw new Error(value.error);
  return value;
}
function say(text, bad) { byId("message").textContent = text; byId("message").className = bad ? "bad" : ""; }
function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
function resolved(name) { const probe = document.createElement("i"); probe.style.color = `var(${name})`; document.body.append(probe);
  const found = getComputedStyle(probe).color; probe.remove(); return found; }

function frame() {
  const width = canvas.clientWidth, height = canvas.clientHeight, side = Math.min(width, height) - 48;
  return { width, height, scale: side * zoom, left: (width - side) / 2 + shiftX, top: (height - side) / 2 + shiftY };
}
function draw() {
  if (!points) return;
  const f = frame(), ratio = devicePixelRatio || 1;
  canvas.width = f.width * ratio; canvas.height = f.height * ratio; pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const soft = resolved("--soft"), accent = resolved("--accent"), warm = resolved("--warm"), ink = resolved("--ink");
  const size = points.names.length > 5000 ? 2 : 4;
  pen.globalAlpha = points.names.length > 5000 ? .4 : .7;
  const wash = fills();
  for (let i = 0; i < points.x.length; i++) {
    const x = f.left + points.x[i] * f.scale, y = f.top + points.y[i] * f.scale;
    if (x > -4 && y > -4 && x < f.width + 4 && y < f.height + 4) { pen.fillStyle = wash(i); pen.fillRect(x - size / 2, y - size / 2, size, size); }
  }
  pen.globalAlpha = 1;
  for (const i of near) { dot(i, 4.5, accent, f); dot(i, 3, wash(i), f); }
  pen.strokeStyle = accent; pen.lineWidth = 1;
  for (const i of known) { const [x, y] = at(i, f); pen.beginPath(); pen.arc(x, y, 6, 0, 7); pen.stroke(); }
  if (chosen !== null) dot(chosen, 6, warm, f);
  label(f, ink, soft, warm);
}
// The colour of each point by what is chosen in the list, and its legend.
const CLASSES = ["#0b7a75", "#c8640a", "#5a64c8", "#a8488c", "#2f7fb8", "#7a8a1c", "#8c6248", "#7d8590"], LOW = [68, 80, 160], HIGH = [240, 190, 40];
const mixed = (t) => `rgb(${LOW.map((low, i) => Math.round(low + (HIGH[i] - low) * t)).join(",")})`;
function colouring() { return points.colourings[byId("colour-by").selectedIndex] || points.colourings[0]; }
function ends(numbers) { let low = Infinity, high = -Infinity; for (const n of numbers) if (n !== null) { low = Math.min(low, n); high = Math.max(high, n); } return [low, high]; }
function classFill(by, code) {
  if (by.name === "kind") return resolved(by.classes[code] === "compound" ? "--warm" : "--soft");
  if (by.name === "hit") return code === 1 ? CLASSES[1] : resolved("--soft");
  return CLASSES[code % CLASSES.length];
}
function fills() {
  const by = colouring(), unknown = resolved("--line");
  if (by.numbers) { const [low, high] = ends(by.numbers); return (i) => by.numbers[i] === null ? unknown : mixed(high > low ? (by.numbers[i] - low) / (high - low) : .5); }
  const known = by.classes.map((_, code) => classFill(by, code));
  return (i) => by.values[i] < 0 ? unknown : known[by.values[i]];
}
function colourKey() {
  const by = colouring(), entry = (fill, text, name = "") => { const item = document.createElement("li"), swatch = document.createElement("i"); swatch.style.background = fill; swatch.className = name; item.append(swatch, text); return item; };
  const items = [];
  if (by.numbers) {
    const [low, high] = ends(by.numbers);
    if (low <= high) items.push(entry(`linear-gradient(90deg, ${mixed(0)}, ${mixed(1)})`, `${by.name} ${low.toLocaleString()} to ${high.toLocaleString()}`, "ramp"));
    if (by.numbers.includes(null)) items.push(entry(resolved("--line"), "not measured"));
  } else {
    by.classes.forEach((name, code) => items.push(entry(classFill(by, code), `${name} (${by.values.filter((v) => v === code).length.toLocaleString()})`)));
    if (by.values.includes(-1)) items.push(entry(resolved("--line"), "not tested"));
  }
  byId("colour-key").replaceChildren(...items);
}
byId("colour-by").addEventListener("change", () => { colourKey(); draw(); });
// Names that fit: the chosen entity's first, then its neighbours', then, where few are in view, the others'.
function label(f, ink, soft, warm) {
  const taken = [], seen = [];
  const write = (i, font, fill) => {
    const [x, y] = at(i, f); pen.font = font;
    const box = [x + 8, y - 7, x + 10 + pen.measureText(points.names[i]).width, y + 8];
    if (x < 0 || y < 0 || box[2] > f.width || y > f.height || taken.some((b) => box[0] < b[2] && b[0] < box[2] && box[1] < b[3] && b[1] < box[3])) return;
    taken.push(box); pen.lineWidth = 3; pen.strokeStyle = resolved("--paper"); pen.strokeText(points.names[i], x + 9, y + 4); pen.fillStyle = fill; pen.fillText(points.names[i], x + 9, y + 4);
  };
  if (chosen !== null) write(chosen, "600 14px sans-serif", ink);
  for (const i of [...known, ...near]) write(i, "12px sans-serif", ink);
  for (let i = 0; i < points.x.length && seen.length <= MOST_NAMED; i++) { const [x, y] = at(i, f); if (x > 0 && y > 0 && x < f.width && y < f.height) seen.push(i); }
  if (seen.length <= MOST_NAMED) for (const i of seen) write(i, "11px sans-serif", soft);
}
function at(i, f) { return [f.left + points.x[i] * f.scale, f.top + points.y[i] * f.scale]; }
function dot(i, radius, fill, f) { const [x, y] = at(i, f); pen.fillStyle = fill; pen.beginPath(); pen.arc(x, y, radius, 0, 7); pen.fill(); }
function buildGrid() {
  grid = new Map();
  for (let i = 0; i < points.x.length; i++) { const key = Math.floor(points.x[i] * 100) * 1000 + Math.floor(points.y[i] * 100); if (!grid.has(key)) grid.set(key, []); grid.get(key).push(i); }
}
function under(x, y) {
  const f = frame(), px = (x - f.left) / f.scale, py = (y - f.top) / f.scale, reach = 9 / f.scale, cells = Math.ceil(reach * 100);
  let best = null, least = reach * reach;
  for (let a = -cells; a <= cells; a++) for (let b = -cells; b <= cells; b++)
    for (const i of grid.get((Math.floor(px * 100) + a) * 1000 + Math.floor(py * 100) + b) || []) {
      const d = (points.x[i] - px) ** 2 + (points.y[i] - py) ** 2; if (d < least) { least = d; best = i; }
    }
  return best;
}
let held = null, moved = false;
canvas.addEventListener("pointerdown", (e) => { held = [e.offsetX, e.offsetY]; moved = false; canvas.setPointerCapture(e.pointerId); });
canvas.addEventListener("pointerup", (e) => { held = null; if (!moved && points) { const i = under(e.offsetX, e.offsetY); if (i !== null) choose(points.names[i]); } });
canvas.addEventListener("pointermove", (e) => {
  if (held) { if (Math.hypot(e.offsetX - held[0], e.offsetY - held[1]) > 2 || moved) { moved = true; shiftX += e.offsetX - held[0]; shiftY += e.offsetY - held[1]; held = [e.offsetX, e.offsetY]; draw(); } return; }
  const i = points ? under(e.offsetX, e.offsetY) : null, tip = byId("tip");
  tip.hidden = i === null;
  if (i !== null) { tip.textContent = points.names[i]; tip.style.left = e.offsetX + 12 + "px"; tip.style.top = e.offsetY + 8 + "px"; }
});
canvas.addEventListener("wheel", (e) => {
  e.preventDefault();
  const factor = Math.exp(-e.deltaY * .0015), next = Math.min(60, Math.max(.5, zoom * factor)), f = frame();
  shiftX += (e.offsetX - f.left) * (1 - next / zoom); shiftY += (e.offsetY - f.top) * (1 - next / zoom); zoom = next; draw();
}, { passive: false });
canvas.addEventListener("dblclick", () => { zoom = 1; shiftX = shiftY = 0; draw(); });
new ResizeObserver(draw).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

function row(entry, rank) {
  const item = document.createElement("li");
  item.className = (entry.known.length ? "related " : "") + (summary.tails[0] < entry.cosine && entry.cosine < summary.tails[1] ? "chance" : "");
  item.append(span("who", entry.name), span("mark", entry.known.length ? "● " + entry.known.join(", ") : ""), span("number", rank ? `${entry.cosine.toFixed(3)} · ${(100 * entry.rank).toFixed(0)}%` : entry.cosine.toFixed(3)));
  item.title = entry.known.length ? `known: ${entry.known.join(", ")}` : ""; item.onclick = () => choose(entry.name);
  return item;
}
function span(name, text) { const made = document.createElement("span"); made.className = name; made.textContent = text; return made; }
let neighbours = [], table = null;
function csv(found) {
  const quoted = (value) => /[",\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  const lines = [["entity", "list", "other", "kind", "cosine", "known"]];
  for (const list of ["similar", "opposite", "known"]) for (const e of found[list]) lines.push([found.name, list, e.name, e.kind, e.cosine, e.known.join("; ")]);
  return lines.map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}
byId("save-table").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv(table)], { type: "text/csv" }));
  link.download = `${table.name.replace(/[^\w.-]+/g, "_")}.neighbours.csv`; link.click(); URL.revokeObjectURL(link.href);
});
async function choose(name) {
  let found;
  try { found = await ask("/api/neighbours?name=" + encodeURIComponent(name)); } catch (error) { say(error.message, true); return; }
  say(""); table = found;
  chosen = found.place; near = new Set(found.similar.map((e) => e.place)); known = new Set(found.known.map((e) => e.place));
  neighbours = [found.name, ...found.similar.map((e) => e.name), ...found.opposite.slice(0, 5).map((e) => e.name)];
  byId("chosen").hidden = false; byId("use-neighbours").disabled = false;
  byId("name").textContent = found.name; byId("query").value = found.name; byId("suggestions").hidden = true;
  byId("about").textContent = Object.entries(found.about).filter(([k]) => k !== "entity").map(([k, v]) => `${k} ${v}`).join(" · ");
  byId("chance").textContent = `Of all pairs, 5 % have a cosine above ${summary.tails[1].toFixed(2)} and 5 % one below ${summary.tails[0].toFixed(2)}; what lies between is pale.`;
  byId("similar").replaceChildren(...found.similar.map((e) => row(e))); byId("opposite").replaceChildren(...found.opposite.map((e) => row(e)));
  byId("known").replaceChildren(...found.known.map((e) => row(e, true)));
  byId("known-count").textContent = found.known.length ? `${found.known.length}: cosine · share of the map that is less similar` : "none in the map";
  draw();
  if (summary.images) showTiles(found.name);
}
async function showTiles(name) {
  const found = await ask("/api/fields?name=" + encodeURIComponent(name));
  const figures = [...found.entity.map((f) => [f, ""]), ...found.controls.map((f) => [f, "control"])].map(([field, kind]) => {
    const figure = document.createElement("figure"), image = document.createElement("img"), caption = document.createElement("figcaption");
    image.dataset.row = field.row; image.alt = `${kind || name} ${field.plate} ${field.well}`; image.loading = "lazy"; figure.className = kind;
    caption.textContent = `${kind || name} · ${[field.experiment, field.plate, field.well].filter(Boolean).join(" ")}`; figure.append(image, caption); return figure;
  });
  byId("tiles").replaceChildren(...figures); byId("images").hidden = false;
  if (figures.length) byId("channels").replaceChildren(...[{ name: "" }, ...found.channels].map(channelButton));
  else byId("channels").textContent = "no field of this entity in the store";
  if (figures.length) showChannel(shown);
}
let shown = "";
function channelButton(channel) {
  const made = document.createElement("button"); made.type = "button"; made.dataset.channel = channel.name; made.onclick = () => showChannel(channel.name);
  if (channel.name) { const spot = document.createElement("i"); spot.style.background = channel.colour; made.append(spot); }
  made.append(channel.name || "all"); return made;
}
function showChannel(channel) {
  shown = channel;
  for (const made of byId("channels").querySelectorAll("button")) made.setAttribute("aria-pressed", made.dataset.channel === channel);
  for (const image of byId("tiles").querySelectorAll("img")) image.src = `/tile.png?row=${image.dataset.row}&channel=${encodeURIComponent(channel)}`;
}

let waiting = null, marked = -1;
byId("query").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(suggest, 60); });
async function suggest() {
  const names = await ask("/api/search?q=" + encodeURIComponent(byId("query").value)), list = byId("suggestions");
  marked = -1; list.hidden = !names.length;
  list.replaceChildren(...names.map((name) => { const item = document.createElement("li"); item.textContent = name; item.onmousedown = () => choose(name); return item; }));
}
byId("query").addEventListener("keydown", (e) => {
  const items = [...byId("suggestions").children];
  if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); marked = Math.max(-1, Math.min(items.length - 1, marked + (e.key === "ArrowDown" ? 1 : -1))); items.forEach((item, i) => item.toggleAttribute("aria-selected", i === marked)); }
  if (e.key === "Escape") byId("suggestions").hidden = true;
});
byId("query").addEventListener("blur", () => { byId("suggestions").hidden = true; });
byId("find").addEventListener("submit", (e) => { e.preventDefault(); clearTimeout(waiting); const items = byId("suggestions").children; const name = marked >= 0 && items[marked] ? items[marked].textContent : byId("query").value; if (name.trim()) choose(name); });

function shade(c) {
  const t = Math.max(-1, Math.min(1, c)), low = [47, 111, 184], middle = [244, 241, 234], high = [200, 84, 10], end = t < 0 ? low : high, s = Math.abs(t);
  return `rgb(${middle.map((m, i) => Math.round(m + (end[i] - m) * s)).join(",")})`;
}
async function heat(names) {
  let found;
  try { found = await ask("/api/heatmap?names=" + encodeURIComponent(names)); } catch (error) { say(error.message, true); return; }
  say(found.missing.length ? "not in the map: " + found.missing.join(", ") : "");
  const n = found.names.length, label = 96, room = byId("heat").clientWidth - label - 16, cell = Math.max(6, Math.min(18, Math.floor(room / n))), board = byId("cells"), brush = board.getContext("2d"), ratio = devicePixelRatio || 1, side = label + n * cell;
  board.hidden = false; byId("legend").hidden = false; board.width = board.height = side * ratio; board.style.width = board.style.height = side + "px"; brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  found.cosines.forEach((line, i) => line.forEach((c, j) => { brush.fillStyle = shade(c); brush.fillRect(label + j * cell, label + i * cell, cell - 1, cell - 1); }));
  for (const [i, j] of found.related) for (const [a, b] of [[i, j], [j, i]]) {
    brush.beginPath(); brush.arc(label + b * cell + cell / 2, label + a * cell + cell / 2, Math.max(1.5, cell / 6), 0, 7); brush.fillStyle = "#111"; brush.fill(); brush.strokeStyle = "#fff"; brush.lineWidth = .8; brush.stroke();
  }
  brush.fillStyle = resolved("--ink"); brush.font = `${Math.min(12, cell - 1)}px sans-serif`;
  found.names.forEach((name, i) => {
    brush.textAlign = "right"; brush.fillText(name, label - 4, label + i * cell + cell * .75, label - 8);
    brush.save(); brush.translate(label + i * cell + cell * .75, label - 4); brush.rotate(-Math.PI / 2); brush.textAlign = "left"; brush.fillText(name, 0, 0, label - 8); brush.restore();
  });
  board.dataset.drawn = n;
}
byId("genes").addEventListener("submit", (e) => { e.preventDefault(); heat(byId("list").value); });
byId("use-neighbours").addEventListener("click", () => { byId("list").value = neighbours.join(", "); heat(byId("list").value); });

let summary = {};
(async () => {
  summary = await ask("/api/summary"); points = await ask("/api/points");
  points.names.forEach((name, i) => { place[name] = i; }); buildGrid();
  byId("colour-by").replaceChildren(...points.colourings.map((by) => new Option(by.name, by.name)));
  const by = new URLSearchParams(location.search).get("colour");
  if (points.colourings.some((one) => one.name === by)) byId("colour-by").value = by;
  colourKey();
  byId("title").textContent = summary.title; document.title = "Hooke · " + summary.title;
  const kinds = Object.entries(summary.kinds).map(([k, c]) => `${c.toLocaleString()} ${k}s`).join(", ");
  byId("summary").textContent = `${kinds} · ${summary.layout} · ${summary.relations.toLocaleString()} known pairs${summary.sources.length ? " from " + summary.sources.join(", ") : " (no source of known relations)"}` +
    (summary.recalled === null ? "" : `, ${(100 * summary.recalled).toFixed(0)} % in either 5 % tail of all pairs (chance ${100 * summary.chance} %)`);
  byId("simulated").hidden = !summary.simulated;
  draw(); document.body.dataset.ready = "yes";
  const wanted = new URLSearchParams(location.search);
  if (wanted.get("name")) await choose(wanted.get("name"));
  if (wanted.get("heat")) { byId("list").value = wanted.get("heat"); await heat(wanted.get("heat")); }
  document.body.dataset.settled = "yes";
})().catch((error) => say(error.message, true));
